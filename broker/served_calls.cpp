#include "broker/served_calls.hpp"

#include "broker/request_header.hpp"
#include "messages/codec/msgpack.hpp"

#include <algorithm>

namespace troupe::wire {
namespace {

std::uint32_t bounded(std::uint64_t v) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(v, 1u << 30));
}

/// What is new of a sum that only rises.
std::uint64_t risen(std::uint64_t& known, std::uint64_t now) {
  return now > known ? now - std::exchange(known, now) : 0;
}

} // namespace

// Work.

void served_calls::take_request(instant now, broker_frame& in) {
  auto& h = in.header;
  const bool is_held = (h.flags & on_start) != 0;
  const bool is_once = (h.flags & idempotent) == 0 && !h.svc.starts_with(router_prefix);
  if (auto* c = find(h.cid)) {
    if (!c->is_given_up) return take_again(now, *c, in.over);
    if (is_once) return refuse_second(in);
    return reject(in, errc::unavailable, "the node still ends what it had begun of it");
  }
  if (is_once && begun_.contains(h.cid)) return refuse_second(in);
  if (is_draining_ && h.to == 0) return reject(in, errc::draining, "the node is shutting down");
  if (work_ + in.body.size() > bounds_.work_bytes)
    return reject(in, errc::overloaded, "the node has too many large requests in hand");
  auto& c = calls_[h.cid];
  c.cid = h.cid;
  c.method = h.svc;
  c.home = in.over;
  c.hop = h.hop;
  c.is_idempotent = (h.flags & idempotent) != 0;
  c.is_repeatable = c.is_idempotent && in.body.size() <= bounds_.kept_body_bytes;
  if (h.ttl_ms != 0) c.deadline = now + std::chrono::milliseconds(h.ttl_ms);
  ++running_;
  c.size = in.body.size();
  work_ += c.size;
  auto request = request_of(h, std::move(in.body), c.deadline);
  if (!is_held) {
    if (is_once) begun_.add(c.cid);
    return out_.put(bus_work(std::move(request)));
  }
  c.held = std::make_unique<bus_request>(std::move(request));
  ask_start(c);
}

void served_calls::reject(const broker_frame& in, errc code, std::string why) {
  auto refusal = not_begun(make_error(code, std::move(why)));
  refusal.retry_after_ms = 1000;
  out_.frame_over(in.over, frame::reject, in.header.cid, msgpack_codec::encode(refusal));
}

/// It began here once, and its answer is not kept any more. Not REJECT: nobody else may have it.
void served_calls::refuse_second(const broker_frame& in) {
  ++dropped_;
  auto why = make_error(errc::conflict, "this node began the request before");
  why.reason = "repeated";
  why.started = started_state::yes;
  out_.frame_over(in.over, frame::error, in.header.cid, msgpack_codec::encode(why));
}

/// One that is here already comes again when its requester, or a broker, took this node for lost.
void served_calls::take_again(instant now, call& c, link_id over) {
  if (!c.held) return move(now, c, over);
  if (c.home != over) leave(c.home, c.cid);
  c.home = over;
  ask_start(c);
}

/// ACCEPT of a call that has not begun.
void served_calls::ask_start(const call& c) {
  out_.frame_over(c.home, frame::accept, c.cid).header.svc = c.method;
}

void served_calls::take_start(broker_frame& in) {
  auto* c = find(in.header.cid);
  if (c == nullptr) { // it was dropped, and the broker counts its slot as taken
    ++dropped_;
    out_.frame_over(in.over, frame::credit, in.header.cid);
    return;
  }
  if (!c->held || c->home != in.over) return void(++dropped_);
  const auto request = std::exchange(c->held, nullptr);
  begun_.add(c->cid);
  out_.put(bus_work(std::move(*request)));
}

/// A delegated request: this node's part in the call ends here.
void served_calls::hand_on(instant now, bus_request& in) {
  auto* c = find_running(in.cid);
  if (c == nullptr) return void(++dropped_);
  if (c->home == 0 && !c->is_given_up)
    if (const auto over = links_.next(c->tried)) move(now, *c, over);
  begun_.remove(c->cid);               // it may come back, handed on by who has it then
  if (c->home == 0) return forget(*c); // its requester will notice
  auto header = request_header(now, in, out_.next_mid());
  if (header.svc.empty() || in.body.size() > limits::bus_body_bytes) {
    send_failure instead{in.cid, make_error(errc::too_large, "the request is too large")};
    return failure(now, instead);
  }
  header.hop = c->hop;
  out_.put(frame_to_broker{c->home, std::move(header), std::move(in.body)});
  forget(*c);
}

void served_calls::partial(send_partial& in) {
  auto* c = find_running(in.cid);
  if (c == nullptr) return void(++dropped_);
  c->sent = in.seq;
  keep(*c, in.seq, in.body);
  say(*c, frame::partial, in.seq, std::move(in.body));
}

void served_calls::final(instant now, send_final& in) {
  if (in.body.size() > limits::bus_body_bytes) {
    send_failure instead{in.cid, make_error(errc::too_large, "the answer is too large")};
    return failure(now, instead);
  }
  if (auto* c = find_running(in.cid)) return end(now, *c, frame::final, std::move(in.body));
  ++dropped_;
}

void served_calls::failure(instant now, send_failure& in) {
  auto* c = find_running(in.cid);
  if (c == nullptr) return void(++dropped_);
  if (in.why.started == started_state::no) begun_.remove(c->cid);
  end(now, *c, frame::error, msgpack_codec::encode(in.why));
}

/// Whether an end arrives is not known, so it is kept for as long as the loss of a broker may take
/// to be seen. What its requester would ask again needs no keeping.
void served_calls::end(instant now, call& c, frame type, std::string body) {
  ++answered_;
  if ((c.is_repeatable && c.sent == 0) || c.is_torn || kept_ + body.size() > bounds_.kept_bytes) {
    say(c, type, c.sent, std::move(body));
    return forget(c);
  }
  stop_counting(c);
  kept_ += body.size();
  c.kept_bytes += body.size();
  c.end = kept_end{type, std::pmr::string(body, &pool_)};
  say(c, type, c.sent, std::move(body));
  ends_.emplace_back(now + bounds_.retention, c.cid);
  if (ends_.size() > bounds_.kept_ends) forget_oldest_end();
}

void served_calls::say(const call& c, frame type, std::uint64_t seq, std::string body) {
  if (c.home != 0) out_.frame_over(c.home, type, c.cid, std::move(body)).header.seq = seq;
}

void served_calls::keep(call& c, std::uint64_t seq, const std::string& body) {
  if (c.is_torn) return;
  if (kept_ + body.size() > bounds_.kept_bytes) {
    acknowledge(c, seq);
    c.is_torn = true;
    return;
  }
  kept_ += body.size();
  c.kept_bytes += body.size();
  c.kept.push_back({seq, body});
}

void served_calls::acknowledge(call& c, std::uint64_t seq) {
  auto first = c.kept.begin();
  for (; first != c.kept.end() && first->seq <= seq; ++first) {
    kept_ -= first->body.size();
    c.kept_bytes -= first->body.size();
  }
  c.kept.erase(c.kept.begin(), first);
}

// Signals.

void served_calls::take_signal(instant now, broker_frame& in) {
  auto* c = find(in.header.cid);
  const auto type = in.header.type;
  if (c == nullptr || c->is_given_up) {
    ++dropped_;
    // The broker counts a slot as taken by what never came here, or whose end was lost.
    if (type == frame::cancel) out_.frame_over(in.over, frame::credit, in.header.cid);
    return;
  }
  if (type == frame::window) return take_window(now, *c, in);
  if (type == frame::cancel) return take_cancel(now, *c, in);
  if (c->held && c->home == in.over) return forget(*c);
  // REJECT: this broker does not know the requester (yet).
  if (c->home == in.over) {
    c->home = 0;
    await_search(now, *c);
  }
  if (is_denied_by_all(*c, in.over)) {
    c->until = now;
    searching_.hurry(now);
  }
}

void served_calls::take_window(instant now, call& c, const broker_frame& in) {
  const auto more = decode_window(in.body);
  if (!more) return void(++dropped_);
  if (c.held) {
    if (c.home == in.over) ask_start(c);
    return;
  }
  acknowledge(c, more->acked_seq);
  const auto frames = risen(c.frames, more->granted_frames);
  const auto bytes = risen(c.bytes, more->granted_bytes);
  // Also one that confirms an earlier move, which a search has left behind meanwhile.
  const bool is_left = c.home != in.over && searching_.contains(c.cid);
  if (more->resend || is_left) move(now, c, in.over);
  if (c.home == in.over) confirm(c);
  if (c.end || (frames == 0 && bytes == 0)) return;
  out_.put(bus_work(bus_window{c.cid, more->acked_seq, bounded(frames), bounded(bytes)}));
}

/// A broker speaks for a requester that it lost, which a call that has moved on does not concern.
void served_calls::take_cancel(instant now, call& c, const broker_frame& in) {
  const bool is_requesters = in.header.mid.incarnation == c.cid.incarnation;
  if (c.home != in.over && !is_requesters) return leave(in.over, c.cid);
  if (c.held) {
    auto why = msgpack_codec::encode(not_begun(make_error(errc::cancelled, "cancelled")));
    say(c, frame::error, 0, std::move(why));
    return forget(c);
  }
  const bool is_final = is_requesters || (in.header.flags & lost) == 0;
  if (!is_final && look_elsewhere(now, c)) return;
  if (!c.end) return out_.put(bus_work(bus_cancel{c.cid}));
  out_.frame_over(in.over, frame::credit, c.cid);
  forget(c);
}

/// Its broker lost the requester, which the others are asked for: until all of them have said that
/// they do not know it, either. False: there is no other.
bool served_calls::look_elsewhere(instant now, call& c) {
  if (searching_.contains(c.cid)) return true;
  if (links_.welcomed() < 2) return false;
  c.denied = {c.home};
  c.tried = c.home;
  begin_search(now, c);
  c.until = now + bounds_.last_look;
  return true;
}

/// A broker may say so twice, for it may be asked twice.
bool served_calls::is_denied_by_all(call& c, link_id over) {
  if (c.denied.empty() || !c.until) return false;
  if (std::ranges::find(c.denied, over) == c.denied.end()) c.denied.push_back(over);
  return links_.are_all_in(c.denied);
}

// Losses.

/// The call is at home at another broker from now on, or once more at this one. Its requester
/// confirms that with a WINDOW.
void served_calls::move(instant now, call& c, link_id over) {
  if (c.home != 0 && c.home != over && links_.is_welcomed(c.home)) leave(c.home, c.cid);
  c.home = c.tried = over;
  auto& accept = out_.frame_over(over, frame::accept, c.cid).header;
  accept.seq = ++c.moves;
  accept.svc = c.method;
  accept.ttl_ms = ttl_of(now, c.deadline);
  for (const auto& p : c.kept) say(c, frame::partial, p.seq, p.body);
  if (c.end) say(c, c.end->type, c.sent, std::string(c.end->body));
}

/// The broker's slot is free, and its opinion of the call does not count any more.
void served_calls::leave(link_id home, const call_id& cid) {
  out_.frame_over(home, frame::credit, cid).header.flags = moved;
}

void served_calls::link_lost(instant now, link_id link) {
  for (const auto& cid : calls_at(calls_, link)) {
    auto& c = calls_.at(cid);
    if (!has_begun(c)) {
      drop_unbegun(c);
      continue;
    }
    c.home = 0;
    if (!c.is_given_up) begin_search(now, c);
  }
}

/// A router begins nothing: what it hands on is begun by others.
bool served_calls::has_begun(const call& c) {
  return !c.held && (c.is_idempotent || !c.method.starts_with(router_prefix));
}

/// Whether it begins is that broker's word alone, which may give it to somebody else.
void served_calls::drop_unbegun(call& c) {
  if (!c.held) out_.put(bus_work(bus_cancel{c.cid}));
  forget(c);
}

/// A broker that leaves carries on for a while, but a stream may last longer.
void served_calls::link_leaving(instant now, link_id link) {
  const auto* other = links_.find(links_.choose(now, link));
  if (other == nullptr || other->is_leaving()) return;
  for (const auto& cid : calls_at(calls_, link)) {
    auto& c = calls_.at(cid);
    if (c.end || c.is_given_up || !has_begun(c)) continue;
    c.tried = link;
    begin_search(now, c);
  }
}

void served_calls::confirm(call& c) {
  searching_.remove(c.cid);
  c.until.reset();
  c.denied.clear();
}

void served_calls::link_found(instant now) {
  searching_.hurry(now);
}

void served_calls::begin_search(instant now, call& c) {
  await_search(now, c);
  search(now, c);
}

void served_calls::await_search(instant now, call& c) {
  if (searching_.add(now, c.cid)) c.until = now + bounds_.search;
}

void served_calls::search(instant now, call& c) {
  if (now < c.next_try) return;
  if (const auto over = links_.next(c.tried)) move(now, c, over);
  // Most ends have arrived, and nobody answers for them.
  if (c.end) c.next_try = now + bounds_.search_ends_every;
}

void served_calls::expire(instant now) {
  forget_old_ends(now);
  for (const auto& cid : searching_.take_due(now)) {
    auto* c = find(cid);
    if (c->end || now < *c->until) {
      search(now, *c);
      continue;
    }
    give_up(*c);
  }
}

/// Nobody has asked for it for too long. It is known until its work has ended, so that the same
/// call does not begin here once more beside it.
void served_calls::give_up(call& c) {
  out_.put(bus_work(bus_cancel{c.cid}));
  searching_.remove(c.cid);
  acknowledge(c, c.sent);
  c.is_given_up = c.is_torn = true;
}

void served_calls::forget_old_ends(instant now) {
  while (!ends_.empty() && ends_.front().first <= now) forget_oldest_end();
}

void served_calls::forget_oldest_end() {
  if (auto* c = find(ends_.front().second); c != nullptr && c->end) forget(*c);
  ends_.pop_front();
}

void served_calls::cancel_all() {
  for (const auto& [cid, c] : calls_)
    if (!c.end && !c.held) out_.put(bus_work(bus_cancel{cid}));
  calls_.clear();
  ends_.clear();
  searching_.clear();
  running_ = work_ = kept_ = 0;
}

/// Ends are forgotten many at a time: a timer for each would wake the node up once a request.
instant served_calls::due() const {
  if (ends_.empty()) return searching_.due();
  return std::min(searching_.due(), ends_.front().first + bounds_.forget_every);
}

void served_calls::stop_counting(const call& c) {
  --running_;
  work_ -= c.size;
}

void served_calls::forget(call& c) {
  if (!c.end) stop_counting(c);
  kept_ -= c.kept_bytes;
  searching_.remove(c.cid);
  calls_.erase(call_id(c.cid));
}

served_calls::call* served_calls::find(const call_id& cid) {
  const auto at = calls_.find(cid);
  return at == calls_.end() ? nullptr : &at->second;
}

served_calls::call* served_calls::find_running(const call_id& cid) {
  auto* c = find(cid);
  return c == nullptr || c->end ? nullptr : c;
}

} // namespace troupe::wire
