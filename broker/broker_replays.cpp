#include "broker/broker_state.hpp"

/// The part of the broker that tells a peer's messages from their repetitions.
namespace troupe::wire {
namespace {

/// After so many a link is out of step: a number was garbled, and all that follow seem old.
constexpr int stale_max = 8;

/// For an honest peer that its messages overtook: it has not begun here, and may be asked again.
error too_old() {
  auto why = make_error(errc::unavailable, "the request's number is too old to be a new one");
  why.reason = "stale";
  why.started = started_state::unknown;
  return why;
}

} // namespace

/// TCP repeats nothing, so a repetition is a peer's mistake or its intent: it is dropped without a
/// word. So is what is too old to be told from one; only whoever asks hears that nothing comes of
/// it, for it may be waiting.
bool broker_state::is_fresh(peer& from, const envelope& header) {
  if (header.mid.counter == 0) {
    ++counts_.malformed;
    send_error(from.id, header.cid,
               make_error(errc::invalid_argument, "a message without a number", "mid"));
    return false;
  }
  switch (from.numbers.take(header.mid.counter)) {
    case replay_window::verdict::fresh:
      return true;
    case replay_window::verdict::repeated:
      ++counts_.repeated;
      return false;
    case replay_window::verdict::stale:
      break;
  }
  take_stale(from, header);
  return false;
}

void broker_state::take_stale(peer& from, const envelope& header) {
  ++counts_.stale;
  const bool is_own_request = header.type == frame::request && (header.flags & delegated) == 0 &&
                              header.cid.incarnation == from.who.incarnation;
  if (is_own_request && !calls_.contains(header.cid)) send_error(from.id, header.cid, too_old());
  if (from.numbers.stale_in_a_row(header.mid.counter) < stale_max) return;
  send(from.id, frame::reset, {}); // with HELLO it begins its numbers anew
  lose_peer(from.id);
}

} // namespace troupe::wire
