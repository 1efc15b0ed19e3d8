#include "tests/sim/replay.hpp"

#include "messages/base/op_context.hpp"
#include "messages/codec/msgpack.hpp"
#include "tests/sim/history.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;
using wire::flight_event;
using wire::flight_kind;
using wire::frame;

constexpr std::size_t wrongs_max = 20;

/// The input that it was, as far as the recording has it.
std::optional<wire::broker_input> input_of(const flight_event& e) {
  switch (e.kind) {
    case flight_kind::received: {
      wire::frame_received in{e.peer, e.header, {}};
      if (e.caller != 0) {
        caller who;
        who.user = std::to_string(e.caller);
        in.header.caller = msgpack_codec::encode(who);
      }
      if (e.address != 0) in.header.client_address = std::to_string(e.address);
      auto body = e.body.empty() ? std::string(e.body_size, '\0') : e.body;
      if (!body.empty()) in.body = wire::make_body(std::move(body));
      return in;
    }
    case flight_kind::peer_gone:
      return wire::peer_gone{e.peer, e.is_full};
    case flight_kind::link_dropped:
      return wire::link_dropped{};
    case flight_kind::time_passed:
      return wire::time_passed{};
    case flight_kind::drain_started:
      return wire::drain_started{};
    case flight_kind::stopping:
      return wire::broker_stopping{};
    default:
      return std::nullopt;
  }
}

bool is_same(const wire::frame_to_send& out, const flight_event& then) {
  const auto& a = out.header;
  const auto& b = then.header;
  return out.to == then.peer && a.type == b.type && a.cid == b.cid && a.flags == b.flags &&
         a.seq == b.seq && a.hop == b.hop && a.ttl_ms == b.ttl_ms && a.to == b.to &&
         a.svc.substr(0, b.svc.size()) == b.svc &&
         (a.type == frame::stats || wire::bytes_of(out.body).size() == then.body_size);
}

std::string frame_text(const wire::peer_id& to, const wire::envelope& e, std::size_t body_size) {
  return std::string(to_string(e.type)) + ' ' + e.svc + " to " + to + " of call " + name_of(e.cid) +
         ", flags " + std::to_string(e.flags) + ", seq " + std::to_string(e.seq) + ", hop " +
         std::to_string(e.hop) + ", ttl " + std::to_string(e.ttl_ms) + ", body " +
         std::to_string(body_size);
}

class replay_run {
public:
  explicit replay_run(const wire::flight& of) : flight_(of), state_(of.incarnation) {
    state_.introduce(of.name, of.address);
  }

  replayed run() {
    for (const auto& e : flight_.events) e.kind == flight_kind::sent ? compare(e) : feed(e);
    return std::move(out_);
  }

private:
  static std::string told(const wire::frame_to_send& f) {
    return frame_text(f.to, f.header, wire::bytes_of(f.body).size());
  }
  [[nodiscard]] bool is_whole() const { return flight_.lost == 0; }

  void feed(const flight_event& e) {
    auto in = input_of(e);
    if (!in) return;
    ++out_.inputs;
    if (!is_whole()) pending_.clear();
    if (e.kind == flight_kind::received) hear(e);
    std::vector<wire::frame_to_send> made;
    state_.step(wire::instant(1h) + e.at, std::move(*in), made);
    for (auto& m : made) {
      look_at(m);
      pending_.push_back(std::move(m));
    }
    if (state_.queued() > state_.in_flight() || state_.streams() > state_.in_flight())
      wrong(e, "more calls wait or stream than there are");
  }

  void hear(const flight_event& e) {
    spoke_.insert(e.peer);
    if (e.header.type != frame::hello) return;
    if (const auto who = wire::decode_hello(e.body)) processes_[e.peer] = who->incarnation;
  }

  /// What no broker may say, whatever it heard.
  void look_at(const wire::frame_to_send& made) {
    if (!spoke_.contains(made.to)) wrong_frame(made, "goes to somebody who never spoke");
    if (made.header.type != frame::start) return;
    const auto process = processes_.find(made.to);
    if (process == processes_.end()) return;
    const auto [at, is_first] = started_.try_emplace(made.header.cid, process->second);
    if (!is_first && at->second != process->second) wrong_frame(made, "is said to a second worker");
  }

  void compare(const flight_event& then) {
    ++out_.outputs;
    if (is_whole()) {
      const bool is_next = !pending_.empty() && is_same(pending_.front(), then);
      if (is_next) ++out_.same;
      if (!is_next)
        wrong(then, "then " + frame_text(then.peer, then.header, then.body_size) + "; now " +
                        (pending_.empty() ? "nothing" : told(pending_.front())));
      if (!pending_.empty()) pending_.pop_front();
      return;
    }
    const auto at = std::ranges::find_if(pending_, [&](const auto& p) { return is_same(p, then); });
    if (at == pending_.end()) return;
    ++out_.same;
    pending_.erase(at);
  }

  void wrong(const flight_event& e, const std::string& what) {
    if (out_.wrongs.size() >= wrongs_max) return;
    out_.wrongs.push_back("at " + std::to_string(std::chrono::duration<double>(e.at).count()) +
                          " s: " + std::string(to_string(e.kind)) + ' ' +
                          std::string(to_string(e.header.type)) + ": " + what);
  }
  void wrong_frame(const wire::frame_to_send& made, const std::string& what) {
    if (out_.wrongs.size() >= wrongs_max) return;
    out_.wrongs.push_back(std::string(to_string(made.header.type)) + ' ' + what);
  }

  const wire::flight& flight_;
  wire::broker_state state_;
  std::deque<wire::frame_to_send> pending_; ///< said, and not compared yet
  std::set<wire::peer_id> spoke_;
  std::map<wire::peer_id, std::uint64_t> processes_;
  std::map<call_id, std::uint64_t> started_;
  replayed out_;
};

} // namespace

replayed replay(const wire::flight& of) {
  return replay_run(of).run();
}

} // namespace troupe::sim
