#include "broker/broker_state.hpp"
#include "broker/request_header.hpp"
#include "messages/base/ip_address.hpp"
#include "messages/base/op_context.hpp"
#include "messages/codec/msgpack.hpp"

#include <algorithm>
#include <ranges>

/// The half of the broker that follows requests from hand to hand.
namespace troupe::wire {
namespace {

constexpr std::uint32_t retry_after_ms = 1000;
constexpr std::size_t asked_workers_max = 64; ///< which of them has a call
constexpr std::string_view router_name = "router";
constexpr std::size_t signal_bytes_max = 4096; ///< of a WINDOW's or CANCEL's body
constexpr std::uint8_t interactive = 1;        ///< the best priority that a client has

error passing(errc code, std::string message, std::string_view reason = {}) {
  auto e = make_error(code, std::move(message));
  e.retry_after_ms = retry_after_ms;
  e.reason = reason;
  return e;
}

error overloaded(std::string message) {
  return passing(errc::overloaded, std::move(message));
}

error unavailable(const std::string& service) {
  return passing(errc::unavailable, "no node serves '" + service + "'");
}

/// Another broker may have that node.
error not_linked() {
  return passing(errc::unavailable, "the node that has it is not linked to this broker",
                 node_not_linked);
}

error too_many_waiting() {
  return passing(errc::rate_limited, "too many requests of this caller wait", "too_many_waiting");
}

std::string_view service_of(std::string_view method) {
  return method.substr(0, method.find('.'));
}

} // namespace

void broker_state::take_request(peer& from, frame_received& in) {
  auto& header = in.header;
  if (!from.is_service) {
    header.caller.clear();
    header.priority = std::max(header.priority, interactive);
    header.to = 0;
  }
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
  const auto name = from.is_service ? service_of(header.svc) : router_name;
  if (auto why = forbidden(from, broker_right::call, name)) return refuse(std::move(*why));
  const auto known = services_.find(name);
  if (known == services_.end()) return refuse(unavailable(std::string(name)));
  if (calls_.size() >= bounds_.calls) {
    ++counts_.overloaded;
    return refuse(overloaded("this broker has too many calls in flight"));
  }
  if (is_draining_ && !from.is_service)
    return refuse(passing(errc::draining, "the broker is shutting down"));
  ++counts_.requests;
  auto& c = calls_[header.cid];
  c.cid = header.cid;
  c.requester = from.id;
  c.deadline = now_ + (header.ttl_ms != 0 ? std::chrono::milliseconds(header.ttl_ms) : bounds_.ttl);
  c.attempts = c.attempts_before =
      static_cast<int>(std::min(header.seq, static_cast<std::uint64_t>(bounds_.attempts)));
  c.request = std::move(header);
  c.request.seq = 0;
  c.body_size = bytes_of(in.body).size();
  c.body = std::move(in.body);
  look_at(c, c.deadline);
  begin(c, known->second);
}

void broker_state::begin(call& c, service& target) {
  c.target = &target;
  ++target.requests;
  if (auto why = classify(c)) return answer_error(c, std::move(*why));
  place(c);
}

/// What may be done with it; an error when it is not what the service's nodes have declared. A
/// router begins nothing: only what it hands on does.
std::optional<error> broker_state::classify(call& c) {
  const auto& s = *c.target;
  const auto& method = c.request.svc;
  const auto declared = s.methods.find(method);
  const bool is_declared = declared != s.methods.end();
  bool is_idempotent = (c.request.flags & idempotent) != 0;
  c.needs_start = c.is_harmless = false;
  if (!is_declared && !s.methods.empty() && s.workers.all_declare()) // else somebody may know it
    return make_error(errc::not_found, "unknown method " + method);
  if (is_declared) {
    if (is_idempotent && !declared->second)
      return make_error(errc::invalid_argument, method + " may not be asked for twice", "flags");
    is_idempotent = declared->second;
    c.is_harmless = !is_idempotent && s.name == router_name;
    c.needs_start = !is_idempotent && !c.is_harmless;
  }
  c.is_repeatable = is_idempotent || c.is_harmless;
  return std::nullopt;
}

/// Sent twice, the first counts; what its worker was told to stop meanwhile is not to be had here.
/// Its node may do so over another link, because the first one is of no use any more.
void broker_state::take_repeated(call& c, const peer& from) {
  if (c.requester != from.id) c.requester.clear();
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
  c->untold = 0;
  c->delegated_by = from.id;
  c->attempts = c->attempts_before;
  c->asks_start = false;
  c->may_have_begun = c->was_lost; // who hands it on has not begun it, but one before it may have
  // A worker hands on for the caller that it was asked for.
  if (!from.is_router) in.header.caller = std::move(c->request.caller);
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
    const auto name = from.is_service ? service_of(c->request.svc) : router_name;
    const auto known = services_.find(name);
    if (auto why = forbidden(from, broker_right::call, name))
      answer_error(*c, std::move(*why));
    else if (known == services_.end())
      answer_error(*c, unavailable(std::string(service_of(c->request.svc))));
    else
      begin(*c, known->second);
  }
  pump(*left);
}

/// Hands the call to a worker, or lets it wait for one, or answers why neither can be.
void broker_state::place(call& c, const peer_id& except) {
  auto& s = *c.target;
  if (c.request.to != 0) return place_at_its_node(c);
  if (const auto* w = s.workers.best(except)) return hand_over(c, w->id);
  if (!is_open(s, except)) return answer_error(c, unavailable(s.name));
  enqueue(c);
}

/// What it is about is at one node and nowhere else.
void broker_state::place_at_its_node(call& c) {
  const auto* node = peer_with(c.request.to);
  const auto* w = node == nullptr ? nullptr : c.target->workers.find(node->id);
  if (w == nullptr) return answer_error(c, not_linked());
  if (w->busy >= w->capacity) return shed(c, "its node has too much to do");
  hand_over(c, w->id);
}

/// Who has to wait with others of the same: the user that a router found; before that the client's
/// address, for nobody has looked at its credential yet. Empty: a service, on its own account.
std::string broker_state::caller_of(const call& c) const {
  if (!c.request.caller.empty())
    if (auto who = msgpack_codec::decode<caller>(c.request.caller)) return std::move(who->user);
  const auto asks = peers_.find(c.requester);
  if (asks == peers_.end() || asks->second.is_service) return {};
  const auto& address = c.request.client_address;
  return address.empty() ? c.requester : limit_address(address);
}

void broker_state::enqueue(call& c) {
  auto& s = *c.target;
  std::vector<call_id> evicted;
  const auto how = s.queue.push(
      {c.cid, caller_of(c), c.request.priority, c.deadline, now_, c.body_size}, now_, evicted);
  for (const auto& cid : evicted) {
    auto& gone = calls_.at(cid);
    taken_out(gone);
    shed(gone, "more urgent requests wait for '" + s.name + "'");
  }
  if (how == call_queue::verdict::full)
    return shed(c, "too many requests wait for '" + s.name + "'");
  if (how == call_queue::verdict::callers_fill) {
    ++counts_.rate_limited;
    return answer_error(c, too_many_waiting());
  }
  c.is_queued = true;
  ++queued_;
}

/// There is no room for it, or others need the room more.
void broker_state::shed(call& c, std::string why) {
  ++counts_.overloaded;
  answer_error(c, overloaded(std::move(why)));
}

/// It has left the queue.
void broker_state::taken_out(call& c) noexcept {
  c.is_queued = false;
  --queued_;
}

void broker_state::leave_queue(call& c) {
  if (!c.is_queued) return;
  c.target->queue.erase(c.cid);
  taken_out(c);
}

void broker_state::hand_over(call& c, const peer_id& to) {
  c.worker = to;
  ++c.attempts;
  c.target->workers.take(c.worker);
  envelope e = c.request;
  e.mid = {incarnation_, ++sent_};
  e.hop = static_cast<std::uint8_t>(c.request.hop + 1);
  e.ttl_ms = ttl_of(now_, c.deadline);
  c.is_held = c.needs_start && must_ask(c);
  e.flags = static_cast<std::uint8_t>(c.is_held ? e.flags | on_start : e.flags & ~on_start);
  if (c.target->name != router_name) e.credential.clear();
  auto body = c.body_size <= bounds_.kept_body_bytes ? c.body : std::move(c.body);
  out_->push_back({c.worker, std::move(e), std::move(body)});
  if (c.needs_start && !c.is_held) has_begun(c);
}

/// Gives waiting calls to free slots.
void broker_state::pump(service& s) {
  while (s.queue.size() > 0) {
    const auto* w = s.workers.best();
    if (w == nullptr) return;
    auto& c = calls_.at(*s.queue.pop());
    taken_out(c);
    hand_over(c, w->id);
  }
}

void broker_state::take_partial(peer& from, frame_received& in) {
  auto* c = call_worked_by(from, in.header);
  if (c == nullptr) { // from before a move, or nobody waits: another broker may know
    send(from.id, frame::cancel, in.header.cid);
    out_->back().header.flags = lost;
    return;
  }
  if (!std::exchange(c->has_partial, true)) ++streams_;
  c->body.reset();
  if (c->requester.empty()) return void(++counts_.undeliverable);
  c->untold = 0;
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
  const bool has_started = c->is_held && c->may_have_begun;
  if (c->needs_start && !c->is_held) {
    c->may_have_begun = c->was_lost;
    c->untold = 0;
  }
  if (c->requester.empty()) {
    forget(*c);
  } else if (c->is_cancelled) {
    answer_error(*c, make_error(errc::cancelled, "cancelled"));
  } else if (may_be_given(*c) && !has_started) {
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
  const bool has_moved = (in.header.flags & moved) != 0;
  counts_.left += has_moved ? 1 : 0;
  if (c->requester.empty() || has_moved) {
    forget(*c);
  } else {
    if (!c->needs_start && !c->is_harmless) c->may_have_begun = c->was_lost = true;
    answer_error(*c, make_error(errc::internal, "the worker gave the call up"));
  }
  pump(s);
}

void broker_state::take_accept(peer& from, frame_received& in) {
  in.header.seq == 0 ? take_start_request(from, in) : take_move(from, in);
}

/// A worker answers a call through this broker from now on: it came from another one, or is back.
void broker_state::take_move(peer& from, frame_received& in) {
  const auto reject = [&] { send(from.id, frame::reject, in.header.cid); };
  const auto target = services_.find(service_of(in.header.svc));
  if (target == services_.end() || target->second.workers.find(from.id) == nullptr) return reject();
  const auto at = calls_.find(in.header.cid);
  auto* c = at == calls_.end() ? adopt(in.header, target->second) : &at->second;
  if (c == nullptr || without_router(c->request.svc) != without_router(in.header.svc))
    return reject();
  if (!c->worker.empty() && c->worker != from.id) {
    // Asked once more, and on its way to a worker: this one has it already. Or its other link here.
    const bool is_same = peers_.at(c->worker).who.incarnation == from.who.incarnation;
    if (c->target->name != router_name && !is_same) {
      ++counts_.not_yours;
      return reject(); // the requester decides between the two
    }
    free_slot(*c);
    auto& left = *c->target;
    change_service(*c, target->second);
    pump(left);
  }
  if (c->worker.empty()) attach(*c, from, target->second);
  c->may_have_begun = true;
  if (auto* asks = peer_with(c->cid.incarnation)) requester_back(*c, *asks);
  c->untold = 0;
  c->is_introduced = true; // the requester may have heard of one at another broker
  if (!c->requester.empty()) out_->push_back({c->requester, std::move(in.header), {}});
}

/// Its router's part is over. What is kept here is the request to a router: nobody else can have
/// it.
void broker_state::change_service(call& c, service& target) {
  if (std::exchange(c.target, &target) == &target) return;
  c.body.reset();
  c.attempts = bounds_.attempts;
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

void broker_state::attach(call& c, const peer& who, service& target) {
  leave_queue(c);
  change_service(c, target);
  c.worker = who.id;
  c.target->workers.take(who.id);
  look_at(c, c.deadline);
}

/// WINDOW and CANCEL: from the requester, or from who delegated the call, to who works on it now.
void broker_state::take_signal(peer& from, frame_received& in) {
  if (bytes_of(in.body).size() > signal_bytes_max) return void(++counts_.malformed);
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
  look_at(c, c.deadline);
  introduce_worker(c);
  if (c.asks_start && !c.is_cancelled) say_start(c);
  return true;
}

/// A requester looks for the worker of a call that this broker does not know as the worker's.
void broker_state::pass_to_worker(peer& from, frame_received& in) {
  if (from.who.incarnation != in.header.cid.incarnation) return void(++counts_.unknown_call);
  if (const auto* w = peer_with(in.header.to); w != nullptr)
    return out_->push_back({w->id, std::move(in.header), std::move(in.body)});
  ++counts_.unknown_call;
  if (in.header.type != frame::window) return;
  if (in.header.to != 0)
    return send_error(from.id, in.header.cid,
                      make_error(errc::worker_lost, "the worker is not linked to this broker"));
  const auto known = services_.find(service_of(without_router(in.header.svc)));
  if (known == services_.end()) return;
  for (const auto& id :
       known->second.workers.all() | std::views::keys | std::views::take(asked_workers_max))
    out_->push_back({id, in.header, in.body});
}

void broker_state::worker_lost(call& c, bool may_come_back) {
  const peer_id gone = std::exchange(c.worker, {});
  if (c.requester.empty()) return forget(c);
  if (!c.needs_start && !c.is_harmless) c.may_have_begun = c.was_lost = true;
  c.asks_start = false;
  if (c.is_cancelled) return answer_error(c, make_error(errc::cancelled, "cancelled"));
  if (may_repeat(c)) return repeat(c, gone);
  if (!may_come_back) return worker_stays_away(c);
  look_at(c, std::min(c.deadline, now_ + bounds_.homecoming));
}

/// Somebody takes its requests, or soon will.
bool broker_state::is_open(const service& s, const peer_id& except) const {
  return s.workers.serves(except) || now_ < s.awaited;
}

/// Once more: its body is here, and it was not given too often.
bool broker_state::may_be_given(const call& c) const {
  return c.attempts < bounds_.attempts && (c.body != nullptr || c.body_size == 0);
}

bool broker_state::may_repeat(const call& c) const {
  const bool is_safe = c.is_repeatable || (c.needs_start && !c.may_have_begun);
  return is_safe && c.request.to == 0 && !c.has_partial && may_be_given(c) && is_open(*c.target);
}

void broker_state::repeat(call& c, const peer_id& except) {
  ++counts_.resent;
  look_at(c, c.deadline);
  place(c, except);
}

void broker_state::worker_stays_away(call& c) {
  if (may_repeat(c)) return repeat(c, {});
  if (c.needs_start && !c.may_have_begun) return answer_error(c, unavailable(c.target->name));
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
  if (c.is_queued) ++counts_.deadline_exceeded;
  auto why = make_error(errc::deadline_exceeded, "the deadline passed");
  if (c.worker.empty()) return answer_error(c, std::move(why));
  introduce_worker(c);
  why.started = started_of(c);
  send_error(c.requester, c.cid, std::move(why));
  requester_lost(c, false);
}

void broker_state::fail_queue_if_closed(service& s) {
  if (s.queue.size() == 0 || is_open(s)) return;
  for (const auto& cid : s.queue.clear()) {
    auto& c = calls_.at(cid);
    taken_out(c);
    answer_error(c, unavailable(s.name));
  }
}

started_state broker_state::started_of(const call& c) {
  if (c.has_partial) return started_state::yes;
  const bool is_waiting = c.worker.empty() || c.needs_start || c.is_harmless;
  return c.may_have_begun || !is_waiting ? started_state::unknown : started_state::no;
}

/// Ends a call that no worker holds.
void broker_state::answer_error(call& c, error why) {
  introduce_worker(c);
  why.started = started_of(c);
  send_error(c.requester, c.cid, std::move(why));
  if (c.may_have_begun) out_->back().header.seq = static_cast<std::uint64_t>(c.attempts);
  forget(c);
}

void broker_state::forget(call& c) {
  leave_queue(c);
  if (c.has_partial) --streams_;
  deadlines_.erase({c.due, c.cid});
  calls_.erase(call_id(c.cid));
}

void broker_state::free_slot(call& c) {
  c.target->workers.give_back(c.worker);
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

broker_state::service& broker_state::service_named(std::string_view name) {
  const auto at = services_.find(name);
  if (at != services_.end()) return at->second;
  return services_.emplace(name, service{std::string(name), call_queue(bounds_.queue)})
      .first->second;
}

} // namespace troupe::wire
