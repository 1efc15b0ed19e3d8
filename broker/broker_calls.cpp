#include "broker/broker_state.hpp"
#include "messages/codec/msgpack.hpp"

#include <algorithm>
#include <ranges>

/// The half of the broker that follows requests from hand to hand.
namespace troupe::wire {
namespace {

constexpr std::uint32_t retry_after_ms = 1000;
constexpr std::size_t asked_workers_max = 64; ///< which of them has a call
constexpr std::string_view router_prefix = "router.";

error overloaded(std::string message) {
  auto e = make_error(errc::overloaded, std::move(message));
  e.retry_after_ms = retry_after_ms;
  return e;
}

error unavailable(const std::string& service) {
  auto e = make_error(errc::unavailable, "no node serves '" + service + "'");
  e.retry_after_ms = retry_after_ms;
  return e;
}

std::string_view service_of(std::string_view method) {
  return method.substr(0, method.find('.'));
}

} // namespace

void broker_state::take_request(peer& from, frame_received& in) {
  auto& header = in.header;
  if (!from.is_router) header.caller.clear();
  if ((header.flags & delegated) != 0) return take_delegated(from, in);
  const auto refuse = [&](error why) {
    send_error(from.id, header.cid, not_begun(std::move(why)));
  };
  if (header.cid.incarnation != from.who.incarnation) {
    ++counts_.not_yours;
    return refuse(make_error(errc::forbidden, "a call id of another node"));
  }
  if (const auto at = calls_.find(header.cid); at != calls_.end())
    return take_repeated(at->second, from);
  const auto name = from.is_service ? service_of(header.svc) : std::string_view("router");
  const auto known = services_.find(name);
  if (known == services_.end()) return refuse(unavailable(std::string(name)));
  if (calls_.size() >= bounds_.calls)
    return refuse(overloaded("this broker has too many calls in flight"));
  if (is_draining_ && !from.is_service) {
    auto why = make_error(errc::draining, "the broker is shutting down");
    why.retry_after_ms = retry_after_ms;
    return refuse(std::move(why));
  }
  auto& c = calls_[header.cid];
  c.cid = header.cid;
  c.requester = from.id;
  c.target = &known->second;
  c.deadline = now_ + (header.ttl_ms != 0 ? std::chrono::milliseconds(header.ttl_ms) : bounds_.ttl);
  c.request = std::move(header);
  c.body_size = bytes_of(in.body).size();
  c.body = std::move(in.body);
  look_at(c, c.deadline);
  place(c);
}

/// Sent twice, the first counts; what its worker was told to stop meanwhile is not to be had here.
void broker_state::take_repeated(call& c, const peer& from) {
  if (requester_back(c, from)) return;
  ++counts_.not_yours;
  if (c.is_called_off) send_error(from.id, c.cid, make_error(errc::unavailable, "called off"));
}

/// A worker hands on the call that it serves: its slot is free, the call moves, answers keep going
/// to the first requester.
void broker_state::take_delegated(peer& from, frame_received& in) {
  auto* c = call_worked_by(from, in.header);
  if (c == nullptr) return;
  auto* left = c->target;
  free_slot(*c);
  c->delegated_by = from.id;
  c->attempts = 0;
  c->may_have_begun = false;
  c->request = std::move(in.header);
  c->body_size = bytes_of(in.body).size();
  c->body = std::move(in.body);
  if (c->requester.empty()) {
    forget(*c);
  } else if (c->is_cancelled) {
    answer_error(*c, make_error(errc::cancelled, "cancelled"));
  } else if (c->request.hop >= hops_max) {
    answer_error(*c, make_error(errc::internal, "the request was delegated too often"));
  } else {
    const auto known = services_.find(from.is_service ? service_of(c->request.svc) : "router");
    if (known == services_.end()) {
      answer_error(*c, unavailable(std::string(service_of(c->request.svc))));
    } else {
      c->target = &known->second;
      place(*c);
    }
  }
  pump(*left);
}

/// Hands the call to a worker, or lets it wait for one, or answers why neither can be.
void broker_state::place(call& c, const peer_id& except) {
  auto& s = *c.target;
  if (auto* w = pick(s, except)) return hand_over(c, *w);
  const bool is_served = std::ranges::any_of(
      s.workers, [&](const worker& w) { return !w.is_draining && w.id != except; });
  if (!is_served) return answer_error(c, unavailable(s.name));
  if (s.queued_calls >= bounds_.queued_calls || s.queued_bytes + c.body_size > bounds_.queued_bytes)
    return answer_error(c, overloaded("too many requests wait for '" + s.name + "'"));
  enqueue(c);
}

void broker_state::enqueue(call& c) {
  auto& s = *c.target;
  c.is_queued = true;
  ++s.queued_calls;
  ++queued_;
  s.queued_bytes += c.body_size;
  if (s.queue.size() > 2 * bounds_.queued_calls) // full of calls that ended while they waited
    std::erase_if(s.queue, [&](const call_id& cid) {
      const auto at = calls_.find(cid);
      return at == calls_.end() || !at->second.is_queued || at->second.target != &s;
    });
  s.queue.push_back(c.cid);
}

void broker_state::leave_queue(call& c) {
  if (!std::exchange(c.is_queued, false)) return;
  auto& s = *c.target;
  --s.queued_calls;
  --queued_;
  s.queued_bytes -= c.body_size;
  if (s.queued_calls == 0) s.queue.clear();
}

/// The worker with the least in hand relative to its capacity; among equals the longest unused.
broker_state::worker* broker_state::pick(service& s, const peer_id& except) {
  worker* best = nullptr;
  for (auto& w : s.workers) {
    if (w.is_draining || w.busy >= w.capacity || w.id == except) continue;
    if (best != nullptr) {
      const auto mine = std::uint64_t{w.busy} * best->capacity;
      const auto theirs = std::uint64_t{best->busy} * w.capacity;
      if (mine > theirs || (mine == theirs && w.used >= best->used)) continue;
    }
    best = &w;
  }
  return best;
}

void broker_state::hand_over(call& c, worker& to) {
  c.worker = to.id;
  ++c.attempts;
  ++to.busy;
  to.used = ++turns_;
  envelope e = c.request;
  e.mid = {incarnation_, ++sent_};
  e.hop = static_cast<std::uint8_t>(c.request.hop + 1);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(c.deadline - now_).count();
  e.ttl_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 1, 0xFFFFFFFF));
  if (c.target->name != "router") e.credential.clear();
  auto body = c.body_size <= bounds_.kept_body_bytes ? c.body : std::move(c.body);
  out_->push_back({to.id, std::move(e), std::move(body)});
}

/// Gives waiting calls to free slots, oldest first.
void broker_state::pump(service& s) {
  while (s.queued_calls > 0) {
    auto* w = pick(s, {});
    if (w == nullptr) return;
    const auto cid = s.queue.front();
    s.queue.pop_front();
    const auto at = calls_.find(cid);
    if (at == calls_.end() || !at->second.is_queued || at->second.target != &s) continue;
    auto& c = at->second;
    // `leave_queue` clears what is left only when nothing waits.
    leave_queue(c);
    hand_over(c, *w);
  }
}

void broker_state::take_partial(peer& from, frame_received& in) {
  auto* c = call_worked_by(from, in.header);
  if (c == nullptr) { // from before a move, or nobody waits: another broker may know
    send(from.id, frame::cancel, in.header.cid);
    out_->back().header.flags = lost;
    return;
  }
  c->has_partial = true;
  c->body.reset();
  if (c->requester.empty()) return void(++counts_.undeliverable);
  in.header.caller.clear();
  in.header.credential.clear();
  out_->push_back({c->requester, std::move(in.header), std::move(in.body)});
}

void broker_state::take_end(peer& from, frame_received& in) {
  auto* c = call_worked_by(from, in.header);
  if (c == nullptr) return;
  if (c->requester.empty())
    ++counts_.undeliverable;
  else
    out_->push_back({c->requester, std::move(in.header), std::move(in.body)});
  auto& s = *c->target;
  free_slot(*c);
  forget(*c);
  pump(s);
}

/// Not begun: another worker may have it.
void broker_state::take_reject(peer& from, frame_received& in) {
  auto* c = call_worked_by(from, in.header);
  if (c == nullptr) return;
  auto& s = *c->target;
  free_slot(*c);
  const bool body_is_here = c->body != nullptr || c->body_size == 0;
  if (c->requester.empty()) {
    forget(*c);
  } else if (c->is_cancelled) {
    answer_error(*c, make_error(errc::cancelled, "cancelled"));
  } else if (body_is_here && c->attempts < bounds_.attempts) {
    ++counts_.resent;
    place(*c, from.id);
  } else {
    auto why = msgpack_codec::decode<error>(bytes_of(in.body));
    answer_error(*c, why ? std::move(*why) : unavailable(s.name));
  }
  pump(s);
}

void broker_state::take_credit(peer& from, frame_received& in) {
  if (in.header.cid == call_id{}) return register_service(from, in.header, in.body);
  // Given back without an answer and without having been delegated: nobody works on it.
  auto* c = call_worked_by(from, in.header);
  if (c == nullptr) return;
  auto& s = *c->target;
  free_slot(*c);
  if ((in.header.flags & moved) != 0) ++counts_.left;
  if (c->requester.empty() || (in.header.flags & moved) != 0) {
    forget(*c);
  } else {
    c->may_have_begun = true;
    answer_error(*c, make_error(errc::internal, "the worker gave the call up"));
  }
  pump(s);
}

/// A worker answers a call through this broker from now on: it came from another one, or is back.
void broker_state::take_accept(peer& from, frame_received& in) {
  const auto reject = [&] { send(from.id, frame::reject, in.header.cid); };
  const auto target = services_.find(service_of(in.header.svc));
  if (target == services_.end() || find_worker(target->second, from.id) == nullptr) return reject();
  const auto at = calls_.find(in.header.cid);
  auto* c = at == calls_.end() ? adopt(in.header, target->second) : &at->second;
  if (c == nullptr) return reject();
  if (!c->worker.empty() && c->worker != from.id) {
    // Asked once more, and on its way to a worker: this one has it already. Or its other link here.
    const bool is_same = peers_.at(c->worker).who.incarnation == from.who.incarnation;
    if (c->target->name != "router" && !is_same) {
      ++counts_.not_yours;
      return reject(); // the requester decides between the two
    }
    free_slot(*c);
    pump(*std::exchange(c->target, &target->second));
  }
  if (c->worker.empty()) attach(*c, from);
  if (auto* asks = peer_with(c->cid.incarnation)) requester_back(*c, *asks);
  if (!c->requester.empty()) out_->push_back({c->requester, std::move(in.header), {}});
}

/// Null when the requester is not here, or there is no room.
broker_state::call* broker_state::adopt(const envelope& header, service& target) {
  const auto* asks = peer_with(header.cid.incarnation);
  if (asks == nullptr || calls_.size() >= bounds_.calls) return nullptr;
  auto& c = calls_[header.cid];
  c.cid = header.cid;
  c.requester = asks->id;
  c.target = &target;
  c.deadline = now_ + (header.ttl_ms != 0 ? std::chrono::milliseconds(header.ttl_ms) : bounds_.ttl);
  c.request.svc = header.svc;
  c.attempts = bounds_.attempts; // its body is not here: nobody else can have it
  return &c;
}

void broker_state::attach(call& c, const peer& who) {
  ++counts_.adopted;
  leave_queue(c);
  c.worker = who.id;
  c.may_have_begun = true;
  if (auto* w = find_worker(*c.target, who.id)) ++w->busy;
  look_at(c, c.deadline);
}

/// WINDOW and CANCEL: from the requester, or from who delegated the call, to who works on it now.
void broker_state::take_signal(peer& from, frame_received& in) {
  const auto at = calls_.find(in.header.cid);
  if (at == calls_.end()) return pass_to_worker(from, in);
  auto& c = at->second;
  requester_back(c, from);
  if (c.requester != from.id && c.delegated_by != from.id) return void(++counts_.not_yours);
  const auto* w = c.worker.empty() ? nullptr : &peers_.find(c.worker)->second;
  if (in.header.to != 0 && (w == nullptr || in.header.to != w->who.incarnation))
    return pass_to_worker(from, in);
  if (in.header.type == frame::cancel) {
    c.is_cancelled = true;
    if (c.is_queued) return answer_error(c, make_error(errc::cancelled, "cancelled"));
  }
  if (w != nullptr) out_->push_back({c.worker, std::move(in.header), std::move(in.body)});
}

/// Whether the call was waiting for this peer.
bool broker_state::requester_back(call& c, const peer& from) {
  if (!c.requester.empty() || c.is_called_off || from.who.incarnation != c.cid.incarnation)
    return false;
  c.requester = from.id;
  ++counts_.adopted;
  look_at(c, c.deadline);
  return true;
}

/// A requester looks for the worker of a call that this broker does not know as the worker's.
void broker_state::pass_to_worker(peer& from, frame_received& in) {
  if (from.who.incarnation != in.header.cid.incarnation) return void(++counts_.unknown_call);
  if (const auto* w = peer_with(in.header.to); w != nullptr)
    return out_->push_back({w->id, std::move(in.header), std::move(in.body)});
  ++counts_.unknown_call;
  if (in.header.type != frame::window || in.header.to != 0) return;
  std::string_view method = in.header.svc;
  if (method.starts_with(router_prefix)) method.remove_prefix(router_prefix.size());
  const auto known = services_.find(service_of(method));
  if (known == services_.end()) return;
  for (const auto& w : known->second.workers | std::views::take(asked_workers_max))
    out_->push_back({w.id, in.header, in.body});
}

void broker_state::worker_lost(call& c, bool may_come_back) {
  const peer_id gone = std::exchange(c.worker, {});
  if (c.requester.empty()) return forget(c);
  c.may_have_begun = true;
  if (c.is_cancelled) return answer_error(c, make_error(errc::cancelled, "cancelled"));
  if (may_repeat(c)) return repeat(c, gone);
  if (!may_come_back) return worker_stays_away(c);
  look_at(c, std::min(c.deadline, now_ + bounds_.homecoming));
}

bool broker_state::may_repeat(const call& c) const {
  return (c.request.flags & idempotent) != 0 && !c.has_partial && c.attempts < bounds_.attempts &&
         (c.body != nullptr || c.body_size == 0) &&
         std::ranges::any_of(c.target->workers, [](const worker& w) { return !w.is_draining; });
}

void broker_state::repeat(call& c, const peer_id& except) {
  ++counts_.resent;
  look_at(c, c.deadline);
  place(c, except);
}

void broker_state::worker_stays_away(call& c) {
  if (may_repeat(c)) return repeat(c, {});
  answer_error(c, make_error(errc::worker_lost, "the node that worked on the request is gone"));
}

void broker_state::requester_lost(call& c, bool may_come_back) {
  c.requester.clear();
  if (c.worker.empty()) return forget(c);
  may_come_back ? look_at(c, now_ + bounds_.homecoming) : call_off(c);
}

/// Nobody waits, but the worker holds a slot. Either message may be lost, CANCEL or what answers
/// it, so it is said again until the slot is free.
void broker_state::call_off(call& c) {
  const bool has_time = now_ < c.deadline && !c.is_cancelled;
  c.is_called_off = true;
  look_at(c, now_ + bounds_.silence);
  send(c.worker, frame::cancel, c.cid);
  if (has_time) out_->back().header.flags = lost;
}

void broker_state::look_at(call& c, instant when) {
  deadlines_.erase({c.due, c.cid});
  c.due = when;
  deadlines_.emplace(c.due, c.cid);
}

void broker_state::expire_calls() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
    const auto at = calls_.find(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    if (at != calls_.end()) expire(at->second);
  }
}

void broker_state::expire(call& c) {
  if (c.requester.empty()) return call_off(c);
  if (now_ < c.deadline) return worker_stays_away(c);
  auto why = make_error(errc::deadline_exceeded, "the deadline passed");
  if (c.worker.empty()) return answer_error(c, std::move(why));
  if (c.has_partial) why.started = started_state::yes;
  send_error(c.requester, c.cid, std::move(why));
  requester_lost(c, false);
}

void broker_state::fail_queue_if_unserved(service& s) {
  if (s.queued_calls == 0) return;
  if (std::ranges::any_of(s.workers, [](const worker& w) { return !w.is_draining; })) return;
  for (const auto& cid : std::exchange(s.queue, {}))
    if (const auto at = calls_.find(cid);
        at != calls_.end() && at->second.is_queued && at->second.target == &s)
      answer_error(at->second, unavailable(s.name));
}

/// Ends a call that no worker holds.
void broker_state::answer_error(call& c, error why) {
  why.started = c.has_partial      ? started_state::yes
                : c.may_have_begun ? started_state::unknown
                                   : started_state::no;
  send_error(c.requester, c.cid, std::move(why));
  forget(c);
}

void broker_state::forget(call& c) {
  leave_queue(c);
  deadlines_.erase({c.due, c.cid});
  calls_.erase(call_id(c.cid));
}

void broker_state::free_slot(call& c) {
  if (auto* w = find_worker(*c.target, c.worker); w != nullptr && w->busy > 0) --w->busy;
  c.worker.clear();
}

broker_state::call* broker_state::call_of(const envelope& header) {
  const auto at = calls_.find(header.cid);
  if (at != calls_.end()) return &at->second;
  ++counts_.unknown_call;
  return nullptr;
}

broker_state::call* broker_state::call_worked_by(const peer& from, const envelope& header) {
  auto* c = call_of(header);
  if (c == nullptr || c->worker == from.id) return c;
  ++counts_.not_yours;
  return nullptr;
}

broker_state::worker* broker_state::find_worker(service& s, const peer_id& id) {
  const auto at = std::ranges::find(s.workers, id, &worker::id);
  return at == s.workers.end() ? nullptr : &*at;
}

broker_state::service& broker_state::service_named(std::string_view name) {
  auto& s = services_[std::string(name)];
  if (s.name.empty()) s.name = name;
  return s;
}

} // namespace troupe::wire
