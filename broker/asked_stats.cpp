#include "broker/asked_stats.hpp"

#include "messages/codec/msgpack.hpp"

#include <algorithm>

namespace troupe::wire {
namespace {

constexpr std::size_t questions_max = 64;

error no_answer(errc code, const char* why) {
  return make_error(code, why);
}

} // namespace

void asked_stats::ask(instant now, const stats_asked& in) {
  if (questions_.size() >= questions_max) return out_.put(stats_heard{in.number, {}});
  question q{in.number, now + in.patience, {}};
  const auto id = out_.next_mid();
  links_.each([&](link_state& l) {
    if (!l.is_welcomed()) return;
    out_.frame_over(l.id(), frame::stats, id);
    q.open.emplace(l.id(), l.address());
  });
  const auto at = questions_.emplace(id, std::move(q)).first;
  if (at->second.open.empty()) end(at);
}

bool asked_stats::take(broker_frame& in) {
  const bool is_error = in.header.type == frame::error;
  if (!is_error && in.header.type != frame::stats) return false;
  const auto at = questions_.find(in.header.cid);
  if (at == questions_.end()) return !is_error;
  auto& q = at->second;
  const auto from = q.open.find(in.over);
  if (from == q.open.end()) return true;
  bus_stats said{std::move(from->second), {}, {}};
  if (is_error) {
    auto why = msgpack_codec::decode<error>(in.body);
    said.why = why ? std::move(*why) : no_answer(errc::internal, "an error that is not readable");
  } else {
    said.body = std::move(in.body);
  }
  q.answers.push_back(std::move(said));
  q.open.erase(from);
  if (q.open.empty()) end(at);
  return true;
}

void asked_stats::link_lost(link_id link) {
  for (auto at = questions_.begin(); at != questions_.end();) {
    auto& q = at->second;
    if (const auto lost = q.open.find(link); lost != q.open.end()) {
      q.answers.push_back(
          {std::move(lost->second), {}, no_answer(errc::unavailable, "the link to it was lost")});
      q.open.erase(lost);
      if (q.open.empty()) {
        at = end(at);
        continue;
      }
    }
    ++at;
  }
}

void asked_stats::expire(instant now) {
  for (auto at = questions_.begin(); at != questions_.end();)
    at = at->second.deadline <= now ? end(at) : std::next(at);
}

void asked_stats::end_all() {
  while (!questions_.empty()) end(questions_.begin());
}

asked_stats::questions::iterator asked_stats::end(questions::iterator at) {
  auto& q = at->second;
  for (auto& [link, address] : q.open)
    q.answers.push_back(
        {std::move(address), {}, no_answer(errc::deadline_exceeded, "no answer in time")});
  out_.put(stats_heard{q.number, std::move(q.answers)});
  return questions_.erase(at);
}

instant asked_stats::due() const {
  auto first = instant::max();
  for (const auto& [id, q] : questions_) first = std::min(first, q.deadline);
  return first;
}

} // namespace troupe::wire
