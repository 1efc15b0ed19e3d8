#include "broker/served_calls.hpp"

#include "broker/asked_calls.hpp"
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

/// One that is here already comes again when its requester, or a broker, took this node for lost.
void served_calls::take_request(instant now, broker_frame& in) {
  auto& h = in.header;
  if (auto* c = find(h.cid)) return move(now, *c, in.over);
  if (is_draining_) {
    auto why = make_error(errc::draining, "the node is shutting down");
    out_.frame_over(in.over, frame::reject, h.cid, msgpack_codec::encode(why));
    return;
  }
  auto& c = calls_[h.cid];
  c.cid = h.cid;
  c.method = h.svc;
  c.home = in.over;
  c.hop = h.hop;
  c.is_repeatable = (h.flags & idempotent) != 0 && in.body.size() <= bounds_.kept_body_bytes;
  if (h.ttl_ms != 0) c.deadline = now + std::chrono::milliseconds(h.ttl_ms);
  ++running_;
  bus_request work;
  work.method = std::move(h.svc);
  work.cid = h.cid;
  work.delegated = (h.flags & delegated) != 0;
  work.idempotent = (h.flags & idempotent) != 0;
  work.streamed = (h.flags & streamed) != 0;
  work.deadline = c.deadline;
  work.credential = std::move(h.credential);
  work.caller = std::move(h.caller);
  work.request_id = std::move(h.request_id);
  work.traceparent = std::move(h.traceparent);
  work.client_address = std::move(h.client_address);
  work.body = std::move(in.body);
  out_.put(bus_work(std::move(work)));
}

/// A delegated request: this node's part in the call ends here.
void served_calls::hand_on(instant now, bus_request& in) {
  auto* c = find_running(in.cid);
  if (c == nullptr) return void(++dropped_);
  if (c->home == 0)
    if (const auto over = links_.next(c->tried)) move(now, *c, over);
  if (c->home == 0) return forget(*c); // its requester will notice
  auto header = request_header(now, in);
  if (header.svc.empty() || in.body.size() > limits::bus_body_bytes) {
    send_failure instead{in.cid, make_error(errc::too_large, "the request is too large")};
    return failure(now, instead);
  }
  header.mid = out_.next_mid();
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
  if (auto* c = find_running(in.cid))
    return end(now, *c, frame::error, msgpack_codec::encode(in.why));
  ++dropped_;
}

/// Whether an end arrives is not known, so it is kept for as long as the loss of a broker may take
/// to be seen. What its requester would ask again needs no keeping.
void served_calls::end(instant now, call& c, frame type, std::string body) {
  ++answered_;
  if ((c.is_repeatable && c.sent == 0) || c.is_torn || kept_ + body.size() > bounds_.kept_bytes) {
    say(c, type, c.sent, std::move(body));
    return forget(c);
  }
  --running_;
  kept_ += body.size();
  c.kept_bytes += body.size();
  c.end = frame_to_broker{0, {}, body};
  c.end->header.type = type;
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
  if (c == nullptr) {
    ++dropped_;
    // The broker counts a slot as taken by what never came here, or whose end was lost.
    if (type == frame::cancel) out_.frame_over(in.over, frame::credit, in.header.cid);
    return;
  }
  if (type == frame::window) return take_window(now, *c, in);
  if (type == frame::cancel) return take_cancel(now, *c, in);
  // REJECT: this broker does not know the requester (yet).
  if (c->home == in.over) {
    c->home = 0;
    await_search(now, *c);
  }
  if (c->others > 0 && --c->others == 0 && c->give_up) next_search_ = *(c->give_up = now);
}

void served_calls::take_window(instant now, call& c, const broker_frame& in) {
  const auto more = decode_window(in.body);
  if (!more) return void(++dropped_);
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
  c.others = links_.welcomed() - 1;
  if (c.others == 0) return false;
  c.tried = c.home;
  begin_search(now, c);
  c.give_up = now + bounds_.last_look;
  return true;
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
  if (c.deadline != instant::max())
    accept.ttl_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
        std::chrono::ceil<std::chrono::milliseconds>(c.deadline - now).count(), 1, 0xFFFFFFFF));
  for (const auto& p : c.kept) say(c, frame::partial, p.seq, p.body);
  if (c.end) say(c, c.end->header.type, c.sent, c.end->body);
}

/// The broker's slot is free, and its opinion of the call does not count any more.
void served_calls::leave(link_id home, const call_id& cid) {
  out_.frame_over(home, frame::credit, cid).header.flags = moved;
}

void served_calls::link_lost(instant now, link_id link) {
  std::vector<call_id> lost;
  for (const auto& [cid, c] : calls_)
    if (c.home == link) lost.push_back(cid);
  for (const auto& cid : lost)
    if (auto* c = find(cid)) {
      c->home = 0;
      begin_search(now, *c);
    }
}

/// A broker that leaves carries on for a while, but a stream may last longer.
void served_calls::link_leaving(instant now, link_id link) {
  const auto* other = links_.find(links_.choose(now, link));
  if (other == nullptr || other->is_leaving()) return;
  std::vector<call_id> leaving;
  for (const auto& [cid, c] : calls_)
    if (c.home == link && !c.end) leaving.push_back(cid);
  for (const auto& cid : leaving) {
    auto& c = calls_.at(cid);
    c.tried = link;
    begin_search(now, c);
  }
}

void served_calls::confirm(call& c) {
  searching_.erase(c.cid);
  c.give_up.reset();
  c.others = 0;
}

void served_calls::link_found(instant now) {
  if (!searching_.empty()) next_search_ = now;
}

void served_calls::begin_search(instant now, call& c) {
  await_search(now, c);
  search(now, c);
}

void served_calls::await_search(instant now, call& c) {
  if (searching_.insert(c.cid).second) c.give_up = now + bounds_.search;
  next_search_ = std::min(next_search_, now + bounds_.search_every);
}

void served_calls::search(instant now, call& c) {
  if (now < c.next_try) return;
  if (const auto over = links_.next(c.tried)) move(now, c, over);
  // Most ends have arrived, and nobody answers for them.
  if (c.end) c.next_try = now + bounds_.search_ends_every;
}

void served_calls::expire(instant now) {
  forget_old_ends(now);
  if (now < next_search_) return;
  next_search_ = instant::max();
  for (const auto& cid : std::vector<call_id>(searching_.begin(), searching_.end())) {
    auto* c = find(cid);
    if (c->end || now < *c->give_up) {
      search(now, *c);
      continue;
    }
    out_.put(bus_work(bus_cancel{cid}));
    forget(*c);
  }
  if (!searching_.empty()) next_search_ = now + bounds_.search_every;
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
    if (!c.end) out_.put(bus_work(bus_cancel{cid}));
  calls_.clear();
  ends_.clear();
  searching_.clear();
  running_ = kept_ = 0;
}

instant served_calls::due() const {
  return ends_.empty() ? next_search_ : std::min(next_search_, ends_.front().first);
}

void served_calls::forget(call& c) {
  if (!c.end) --running_;
  kept_ -= c.kept_bytes;
  searching_.erase(c.cid);
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
