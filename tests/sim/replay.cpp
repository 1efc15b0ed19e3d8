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

/// A call that began before the recording, as far as the recording tells.
struct old_call {
  wire::peer_id requester, worker;
};

/// Of which no REQUEST is here that began them.
std::map<call_id, old_call> old_calls_of(const wire::flight& in) {
  std::map<call_id, old_call> out;
  std::set<call_id> begun;
  for (const auto& e : in.events) {
    const auto& h = e.header;
    if (h.cid == call_id{} || begun.contains(h.cid)) continue;
    const bool is_heard = e.kind == flight_kind::received;
    const bool is_first = !out.contains(h.cid) && is_heard && h.type == frame::request &&
                          (h.flags & wire::delegated) == 0 && h.seq == 0;
    if (is_first) {
      begun.insert(h.cid);
      continue;
    }
    auto& c = out[h.cid];
    const bool is_answer =
        h.type == frame::partial || h.type == frame::final || h.type == frame::error;
    if (is_answer) (is_heard ? c.worker : c.requester) = e.peer;
  }
  return out;
}

/// Numbers messages anew, for those that were said before the recording are not in it, and a worker
/// may say what another one said then. What is said twice has the same number twice, and
/// what repeats a message from before the recording one that was given.
class renumbering {
public:
  std::uint64_t of(const wire::peer_id& then, const wire::peer_id& now, std::uint64_t counter,
                   bool is_from_before) {
    if (counter == 0) return counter;
    const bool is_of_link = counter >> 63 != 0;
    const auto known = given_.find({then, counter});
    if (known != given_.end()) return known->second;
    auto& oldest = before_.try_emplace({then, is_of_link}, counter - 1).first->second;
    if (is_from_before) oldest = std::max(oldest, counter);
    if (!is_from_before && counter <= oldest) return last_[{now, is_of_link}] | of_link(is_of_link);
    const auto out = fresh(now, is_of_link);
    given_.emplace(std::pair(then, counter), out);
    return out;
  }
  std::uint64_t fresh(const wire::peer_id& now, bool is_of_link) {
    return ++last_[{now, is_of_link}] | of_link(is_of_link);
  }

private:
  static std::uint64_t of_link(bool is_of_link) { return std::uint64_t{is_of_link} << 63; }

  std::map<std::pair<wire::peer_id, std::uint64_t>, std::uint64_t> given_;
  std::map<std::pair<wire::peer_id, bool>, std::uint64_t> before_, last_;
};

class replay_run {
public:
  explicit replay_run(const wire::flight& of) : flight_(of), state_(of.incarnation) {
    state_.introduce(of.name, of.address);
  }

  replayed run() {
    if (!is_whole() && !flight_.events.empty()) recall();
    for (const auto& e : flight_.events) e.kind == flight_kind::sent ? compare(e) : feed(e);
    return std::move(out_);
  }

private:
  static std::string told(const wire::frame_to_send& f) {
    return frame_text(f.to, f.header, wire::bytes_of(f.body).size());
  }
  [[nodiscard]] bool is_whole() const { return flight_.lost == 0; }

  /// What held when the first event came.
  void recall() {
    old_calls_ = old_calls_of(flight_);
    for (const auto& e : in_turn(flight_.known)) {
      auto in = input_of(e);
      if (!in) continue;
      adapt(*in, true);
      if (e.kind == flight_kind::received) hear(e);
      say(std::move(*in), flight_.events.front().at);
    }
    for (const auto& [cid, c] : old_calls_) resume(cid, c);
    pending_.clear();
  }

  /// Who was given a request first had been unused for the longest, so it registers first.
  [[nodiscard]] std::vector<flight_event> in_turn(std::vector<flight_event> known) const {
    std::map<wire::peer_id, std::size_t> turns;
    for (const auto& e : flight_.events)
      if (e.kind == flight_kind::sent && e.header.type == frame::request)
        turns.try_emplace(e.peer, turns.size());
    std::ranges::stable_sort(known, {}, [&](const flight_event& e) {
      const auto at = turns.find(e.peer);
      return at == turns.end() ? turns.size() : at->second;
    });
    return known;
  }

  /// Its worker has it in hand again.
  void resume(const call_id& cid, const old_call& c) {
    const auto process = processes_.find(c.worker);
    const auto service = serves_.find(c.worker);
    if (process == processes_.end() || service == serves_.end() ||
        !processes_.contains(c.requester))
      return;
    wire::frame_received in{c.requester, {}, {}};
    in.header.type = frame::request;
    in.header.flags = wire::idempotent | wire::streamed;
    in.header.cid = cid;
    in.header.mid.counter = numbers_.fresh(c.requester, false);
    in.header.svc = service->second + ".unknown/v1";
    in.header.to = process->second;
    say(std::move(in), flight_.events.front().at);
  }

  void step(wire::broker_input in, std::chrono::nanoseconds at) {
    std::vector<wire::frame_to_send> made;
    state_.step(wire::instant(1h) + at, std::move(in), made);
    for (auto& m : made) {
      look_at(m);
      if (!is_whole() && m.header.type == frame::request) hand_over(m);
      pending_.push_back(std::move(m));
    }
  }

  /// What is not in the recording, so that its answers are not either.
  void say(wire::broker_input in, std::chrono::nanoseconds at) {
    std::vector<wire::frame_to_send> made;
    state_.step(wire::instant(1h) + at, std::move(in), made);
  }

  void feed(const flight_event& e) {
    auto in = input_of(e);
    if (!in) return;
    ++out_.inputs;
    if (!is_whole()) adapt(*in, false);
    // A connection that is gone is found while the frames of one step are sent.
    if (e.kind != flight_kind::peer_gone) last_input_ = e.kind;
    if (!is_whole() && e.kind != flight_kind::peer_gone) pending_.clear();
    if (e.kind == flight_kind::received) hear(e);
    step(std::move(*in), e.at);
    if (state_.queued() > state_.in_flight() || state_.streams() > state_.in_flight())
      wrong(e, "more calls wait or stream than there are");
  }

  void adapt(wire::broker_input& in, bool is_from_before) {
    auto* heard = std::get_if<wire::frame_received>(&in);
    if (heard == nullptr) return;
    const auto then = heard->from;
    stand_in(heard->from, heard->header);
    is_stood_in_ = heard->from != then;
    auto& number = heard->header.mid.counter;
    number = numbers_.of(then, heard->from, number, is_from_before);
  }

  /// Puts who has the call now in the place of who had it then.
  void stand_in(wire::peer_id& peer, wire::envelope& header) const {
    const auto call = stand_ins_.find(header.cid);
    if (call == stand_ins_.end()) return;
    for (const auto& [then, now] : call->second)
      if (const auto a = processes_.find(then), b = processes_.find(now);
          header.to != 0 && a != processes_.end() && b != processes_.end() &&
          header.to == a->second)
        header.to = b->second;
    if (const auto at = call->second.find(peer); at != call->second.end()) peer = at->second;
  }

  void hand_over(const wire::frame_to_send& made) {
    handed_[made.header.cid] = made.to;
    ++handovers_[made.header.cid];
    if (const auto at = late_.find(made.header.cid); at != late_.end()) {
      stand_ins_[made.header.cid][at->second] = made.to;
      late_.erase(at);
    }
  }

  void hear(const flight_event& e) {
    spoke_.insert(e.peer);
    if (e.header.type == frame::registration) serves_[e.peer] = e.header.svc;
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
    is_whole() ? compare_next(then) : compare_any(then);
  }

  void compare_next(const flight_event& then) {
    const bool is_next = !pending_.empty() && is_same(pending_.front(), then);
    ++(is_next ? out_.same : out_.different);
    if (!is_next)
      wrong(then, "then " + frame_text(then.peer, then.header, then.body_size) + "; now " +
                      (pending_.empty() ? "nothing" : told(pending_.front())));
    if (!pending_.empty()) pending_.pop_front();
  }

  void compare_any(const flight_event& then) {
    auto wanted = then;
    stand_in(wanted.peer, wanted.header);
    const auto at =
        std::ranges::find_if(pending_, [&](const auto& p) { return is_same(p, wanted); });
    const bool is_found = at != pending_.end();
    if (is_found) pending_.erase(at);
    const auto& cid = then.header.cid;
    if (is_of_beat(then)) {
      // Silence is counted from before the recording.
      if (!is_found && then.header.type == frame::reset) step(wire::peer_gone{then.peer}, then.at);
      return void(++out_.beats);
    }
    if (then.header.type == frame::request) --handovers_[cid];
    if (last_input_ == flight_kind::none || old_calls_.contains(cid))
      return void(++out_.incomparable);
    if (is_found) return void(++out_.same);
    if (then.header.type == frame::request) went_elsewhere(then);
    if (is_placed_otherwise(cid)) return void(++out_.incomparable);
    ++out_.different;
    wrong(then, "only then: " + frame_text(then.peer, then.header, then.body_size));
  }

  [[nodiscard]] bool is_of_beat(const flight_event& sent) const {
    return sent.header.type == frame::heartbeat ||
           (sent.header.type == frame::reset && last_input_ == flight_kind::time_passed);
  }

  /// Given to another one, or waiting where it did not or the other way round.
  [[nodiscard]] bool is_placed_otherwise(const call_id& cid) const {
    if (cid == call_id{}) return is_stood_in_;
    const auto handovers = handovers_.find(cid);
    return stand_ins_.contains(cid) || (handovers != handovers_.end() && handovers->second != 0);
  }

  /// Who gets a call depends on what all had in hand, which a recording without its beginning does
  /// not say. So another worker takes the part of the one then, now or when it has room.
  void went_elsewhere(const flight_event& then) {
    const auto& cid = then.header.cid;
    if (const auto at = handed_.find(cid); at != handed_.end())
      stand_ins_[cid][then.peer] = at->second;
    else
      late_[cid] = then.peer;
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
  std::map<wire::peer_id, std::string> serves_; ///< the last service that it registered
  std::map<call_id, old_call> old_calls_;
  // Of a recording without its beginning: who has a call now, and who had it then.
  renumbering numbers_;
  bool is_stood_in_ = false;                   ///< another one said the last message then
  flight_kind last_input_ = flight_kind::none; ///< but for what was found while frames were sent
  std::map<call_id, wire::peer_id> handed_;    ///< to whom last
  std::map<call_id, int> handovers_;           ///< so many more than then
  std::map<call_id, wire::peer_id> late_;      ///< who had it then, while nobody has it now
  std::map<call_id, std::map<wire::peer_id, wire::peer_id>> stand_ins_;
  replayed out_;
};

} // namespace

replayed replay(const wire::flight& of) {
  return replay_run(of).run();
}

} // namespace troupe::sim
