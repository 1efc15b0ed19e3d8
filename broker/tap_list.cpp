#include "broker/tap_list.hpp"

#include "broker/body_shape.hpp"
#include "broker/broker_view.hpp"

#include <algorithm>

namespace troupe::wire {
namespace {

/// Those about calls; of a link's own frames only who names their types gets to see any.
bool is_about_a_call(const envelope& e) {
  return e.type >= frame::request && e.type <= frame::cancel && e.cid != call_id{};
}

} // namespace

bool tap_list::set(const peer_id& who, const tap_body& wish, instant now) {
  if (!taps_.contains(who) && taps_.size() >= bounds_.taps) return false;
  auto& t = taps_[who];
  t.wish = wish;
  t.wish.rate = std::clamp<std::uint64_t>(wish.rate, 1, bounds_.rate);
  t.until = now + bounds_.lease;
  return true;
}

void tap_list::show(const passing_frame& frame, instant now, const sink& to) {
  std::erase_if(taps_, [&](const auto& t) { return t.second.until <= now; });
  for (auto& [who, t] : taps_) {
    if (!wants(t.wish, frame)) continue;
    const bool has_room = take(t.tokens, t.filled, static_cast<std::uint32_t>(t.wish.rate), now) &&
                          take(tokens_, filled_, bounds_.rate_of_all, now);
    if (!has_room) {
      ++t.missed;
      continue;
    }
    to(who, packed(t, frame, now));
    t.missed = 0;
  }
}

bool tap_list::wants(const tap_body& wish, const passing_frame& frame) {
  const auto type = frame.header->type;
  if (wish.types.empty()
          ? !is_about_a_call(*frame.header)
          : std::ranges::find(wish.types, static_cast<std::uint64_t>(type)) == wish.types.end())
    return false;
  return wish.service.empty() || wish.service == frame.service;
}

/// A bucket that holds a second's worth.
bool tap_list::take(double& tokens, instant& filled, std::uint32_t rate, instant now) {
  const auto passed =
      filled == instant{} ? 1.0 : std::chrono::duration<double>(now - filled).count();
  filled = now;
  tokens = std::min<double>(rate, tokens + passed * rate);
  if (tokens < 1) return false;
  tokens -= 1;
  return true;
}

std::string tap_list::packed(const tap& t, const passing_frame& frame, instant now) {
  const auto& h = *frame.header;
  tapped_body out;
  out.at_us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count());
  out.is_sent = frame.is_sent;
  out.peer = shown(frame.peer);
  out.service = shown(frame.service);
  out.header = h;
  out.header.credential.clear();
  out.header.caller.clear();
  out.header.client_address.clear();
  out.header.principal.clear();
  out.body_bytes = frame.body.size();
  if (t.wish.bodies != 0)
    out.body = body_text(frame.body, t.wish.bodies == 1 ? body_detail::shape : body_detail::plain);
  out.missed = t.missed;
  return encode(out);
}

} // namespace troupe::wire
