#include "broker/broker_state.hpp"

/// The part of the broker that says which worker may begin a request, and tells its requester.
namespace troupe::wire {

/// Who declares nothing knows no START. Who spoke of a call a moment ago is alive, and would be
/// told START as fast as it can ask: a short answer is spared the way there and back, which a
/// stream does not notice.
bool broker_state::must_ask(const call& c) const {
  if (!c.target->workers.declares(c.worker)) return false;
  const bool is_long = (c.request.flags & streamed) != 0;
  return is_long || now_ - peers_.at(c.worker).spoke_of_calls > bounds_.freshness;
}

/// The worker has it and has not begun. Until it is told to, nothing is lost with it; from then on
/// nobody else may have the call.
void broker_state::take_start_request(peer& from, frame_received& in) {
  auto* c = call_worked_by(from, in.header);
  if (c == nullptr || !c->needs_start) return send(from.id, frame::reject, in.header.cid);
  c->asks_start = true;
  if (!c->requester.empty() && !c->is_cancelled) say_start(*c);
}

void broker_state::say_start(call& c) {
  c.asks_start = false;
  c.body.reset();
  send(c.worker, frame::start, c.cid);
  has_begun(c);
}

/// Most requesters hear from the worker itself before they need to know who it is.
void broker_state::has_begun(call& c) {
  c.may_have_begun = true;
  c.untold = peers_.at(c.worker).who.incarnation;
  if (c.is_introduced) return introduce_worker(c); // it takes nobody else's answer
  forget_introduced();
  untold_.emplace_back(now_ + bounds_.introduction, c.cid);
}

/// Before anything else that this broker has to say about the call.
void broker_state::introduce_worker(call& c) {
  if (c.untold == 0 || c.requester.empty()) return;
  send(c.requester, frame::accept, c.cid);
  out_->back().header.mid.incarnation = std::exchange(c.untold, 0);
  c.is_introduced = true;
}

void broker_state::introduce_workers() {
  for (; !untold_.empty() && untold_.front().first <= now_; untold_.pop_front())
    if (const auto at = calls_.find(untold_.front().second); at != calls_.end())
      introduce_worker(at->second);
  forget_introduced();
}

/// A timer for calls that have ended would wake the broker up for nothing.
void broker_state::forget_introduced() {
  const auto waits = [this](const call_id& cid) {
    const auto at = calls_.find(cid);
    return at != calls_.end() && at->second.untold != 0;
  };
  while (!untold_.empty() && !waits(untold_.front().second)) untold_.pop_front();
}

} // namespace troupe::wire
