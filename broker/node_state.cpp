#include "broker/node_state.hpp"

#include "messages/base/log.hpp"
#include "messages/codec/msgpack.hpp"

#include <algorithm>

namespace troupe::wire {
namespace {

/// What an envelope's header takes beside its texts; generous.
constexpr std::size_t header_overhead = 128;

} // namespace

node_state::node_state(node_identity who, node_bounds bounds)
    : who_(std::move(who)), bounds_(bounds) {}

void node_state::step(instant now, node_input in, std::vector<node_output>& out) {
  // After a freeze of our own the broker's silence proves nothing.
  if (now_ != instant{} && now - due() > bounds_.silence / 2) heard_ = asked_at_ = now;
  now_ = now;
  out_ = &out;
  std::visit([this](auto& what) { on(what); }, in);
  out_ = nullptr;
}

instant node_state::due() const {
  auto at = instant::max();
  if (phase_ == phase::greeting) at = asked_at_ + bounds_.greeting;
  if (phase_ == phase::welcomed) at = std::min(next_beat_, heard_ + bounds_.silence);
  if (is_registering()) at = std::min(at, asked_at_ + bounds_.greeting);
  return deadlines_.empty() ? at : std::min(at, deadlines_.begin()->first);
}

// The link.

void node_state::on(link_up&) {
  greet();
}

void node_state::on(link_down&) {
  lose_link("the connection to the broker was lost");
}

void node_state::greet() {
  phase_ = phase::greeting;
  heard_ = asked_at_ = now_;
  registered_ = 0;
  hello_body hello;
  hello.name = who_.name;
  hello.incarnation = who_.incarnation;
  hello.link = who_.link;
  hello.roles = who_.roles;
  send(frame::hello, {}, encode(hello));
}

void node_state::welcomed() {
  if (phase_ != phase::greeting) return void(++dropped_);
  phase_ = phase::welcomed;
  asked_at_ = now_;
  next_beat_ = now_ + bounds_.heartbeat;
  if (is_draining_) send(frame::drain, {});
  if (is_draining_ || who_.services.empty()) return set_linked(true);
  for (const auto& s : who_.services)
    send(frame::registration, {}, encode(capacity_body{s.capacity}), s.name);
}

void node_state::registered() {
  if (phase_ == phase::welcomed && ++registered_ == who_.services.size()) set_linked(true);
}

bool node_state::is_registering() const {
  return phase_ == phase::welcomed && registered_ < who_.services.size() && !is_draining_;
}

/// What was asked fails, what is served here has lost its requester.
void node_state::lose_link(std::string_view why) {
  phase_ = phase::down;
  is_broker_leaving_ = false;
  const bool was_linked = is_linked_;
  is_linked_ = false;
  const auto lost = std::exchange(asked_, {});
  deadlines_.clear();
  for (const auto& [cid, c] : lost)
    answer_failure(cid, c.is_idempotent ? errc::unavailable : errc::worker_lost, std::string(why),
                   started_state::unknown);
  for (const auto& [cid, hop] : std::exchange(served_, {}))
    out_->push_back(bus_work(bus_cancel{cid}));
  if (was_linked) out_->push_back(link_changed{false});
}

void node_state::want_other_link(std::string why) {
  lose_link(why);
  out_->push_back(relink{std::move(why)});
}

void node_state::set_linked(bool up) {
  if (std::exchange(is_linked_, up) != up) out_->push_back(link_changed{up});
}

void node_state::on(broker_frame& in) {
  heard_ = now_;
  switch (in.header.type) {
    case frame::request:
      return take_work(in);
    case frame::partial:
    case frame::final:
    case frame::error:
      return take_answer(in);
    case frame::window:
    case frame::cancel:
      return take_signal(in);
    case frame::welcome:
      return welcomed();
    case frame::registered:
      return registered();
    case frame::reset:
      lose_link("the broker started anew");
      return greet();
    case frame::ping:
      return send(frame::pong, in.header.cid);
    case frame::drain:
      is_broker_leaving_ = true;
      return;
    case frame::goodbye:
      return want_other_link("the broker said goodbye");
    default:
      return;
  }
}

void node_state::on(time_passed&) {
  expire();
  if (phase_ == phase::greeting && now_ >= asked_at_ + bounds_.greeting)
    return want_other_link("the broker does not answer");
  if (phase_ != phase::welcomed) return;
  if (is_registering() && now_ >= asked_at_ + bounds_.greeting)
    return want_other_link("the broker does not register the services");
  if (now_ - heard_ >= bounds_.silence) return want_other_link("the broker fell silent");
  if (now_ >= next_beat_) beat();
}

void node_state::beat() {
  next_beat_ = now_ + bounds_.heartbeat;
  send(frame::heartbeat, {}, encode(heartbeat_body{served_.size(), answered_}));
}

void node_state::expire() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
    const auto cid = deadlines_.begin()->second;
    end_asked(cid);
    answer_failure(cid, errc::deadline_exceeded, "the deadline passed", started_state::unknown);
    if (phase_ == phase::welcomed) send(frame::cancel, cid);
  }
}

// As requester.

void node_state::on(bus_request& in) {
  in.delegated ? hand_on(in) : ask(in);
}

void node_state::ask(bus_request& in) {
  const auto refuse = [&](errc code, const char* why) {
    answer_failure(in.cid, code, why, started_state::no);
  };
  if (phase_ != phase::welcomed) return refuse(errc::unavailable, "no link to a broker");
  if (asked_.size() >= bounds_.calls) return refuse(errc::overloaded, "too many calls in flight");
  if (in.deadline <= now_) return refuse(errc::deadline_exceeded, "the deadline passed");
  if (in.body.size() > limits::bus_body_bytes)
    return refuse(errc::too_large, "the request is too large");
  auto header = header_of(in);
  if (header.svc.empty()) return refuse(errc::too_large, "the request's header is too large");
  const auto deadline =
      in.deadline < instant::max() - bounds_.grace ? in.deadline + bounds_.grace : instant::max();
  if (!asked_.emplace(in.cid, asked_call{deadline, in.idempotent}).second)
    return void(++dropped_); // asked twice: the first is answered
  if (deadline != instant::max()) deadlines_.emplace(deadline, in.cid);
  out_->push_back(frame_to_broker{std::move(header), std::move(in.body)});
}

/// A delegated request: this node's part in the call ends here.
void node_state::hand_on(bus_request& in) {
  const auto at = served_.find(in.cid);
  if (at == served_.end() || phase_ != phase::welcomed) return void(++dropped_);
  auto header = header_of(in);
  header.mid = next_mid();
  header.hop = at->second.hop;
  served_.erase(at);
  if (header.svc.empty() || in.body.size() > limits::bus_body_bytes)
    return send_error(frame::error, in.cid,
                      make_error(errc::too_large, "the request is too large"));
  out_->push_back(frame_to_broker{std::move(header), std::move(in.body)});
}

/// Without `svc` when the texts do not fit a header.
envelope node_state::header_of(bus_request& in) const {
  envelope e;
  e.type = frame::request;
  const auto texts = in.method.size() + in.credential.size() + in.caller.size() +
                     in.request_id.size() + in.traceparent.size() + in.client_address.size();
  if (texts + header_overhead > limits::wire_header_bytes) return e;
  e.flags =
      static_cast<std::uint8_t>((in.idempotent ? idempotent : 0) | (in.streamed ? streamed : 0) |
                                (in.delegated ? delegated : 0));
  e.mid = e.cid = in.cid;
  if (in.deadline != instant::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(in.deadline - now_).count();
    e.ttl_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 1, 0xFFFFFFFF));
  }
  e.svc = std::move(in.method);
  e.credential = std::move(in.credential);
  e.caller = std::move(in.caller);
  e.request_id = std::move(in.request_id);
  e.traceparent = std::move(in.traceparent);
  e.client_address = std::move(in.client_address);
  return e;
}

void node_state::on(bus_window& in) {
  if (phase_ != phase::welcomed) return;
  send(frame::window, in.cid, encode(window_body{in.acked_seq, in.frames, in.bytes}));
}

void node_state::on(bus_cancel& in) {
  if (phase_ == phase::welcomed) send(frame::cancel, in.cid);
}

void node_state::take_answer(broker_frame& in) {
  const auto& cid = in.header.cid;
  if (in.header.type == frame::error && cid == call_id{}) {
    const auto why = msgpack_codec::decode<error>(in.body);
    log::error("bus.refused", {{"why", why ? why->message : "unreadable"}});
    return;
  }
  if (in.header.type == frame::partial) return take_partial(in);
  const auto at = asked_.find(cid);
  if (at == asked_.end()) return void(++dropped_);
  if (in.header.type == frame::final && in.header.seq != at->second.seen) return give_up(cid);
  end_asked(cid);
  if (in.header.type == frame::final)
    return out_->push_back(bus_answer(bus_finished{cid, std::move(in.body)}));
  auto why = msgpack_codec::decode<error>(in.body);
  if (!why) why = make_error(errc::internal, "a peer's error could not be read");
  out_->push_back(bus_answer(bus_failed{cid, std::move(*why)}));
}

/// A partial that comes again is dropped; after one that is missing nothing can be right.
void node_state::take_partial(broker_frame& in) {
  const auto& cid = in.header.cid;
  const auto at = asked_.find(cid);
  if (at == asked_.end() || in.header.seq <= at->second.seen) return void(++dropped_);
  if (in.header.seq != at->second.seen + 1) return give_up(cid);
  at->second.seen = in.header.seq;
  out_->push_back(bus_answer(bus_partial{cid, in.header.seq, std::move(in.body)}));
}

/// ROUTER drops messages silently when a peer's queue is full or its connection breaks.
void node_state::give_up(const call_id& cid) {
  end_asked(cid);
  answer_failure(cid, errc::upstream_failed, "a part of the answer was lost on its way",
                 started_state::yes);
  send(frame::cancel, cid);
}

bool node_state::end_asked(const call_id& cid) {
  const auto at = asked_.find(cid);
  if (at == asked_.end()) return false;
  deadlines_.erase({at->second.deadline, cid});
  asked_.erase(at);
  return true;
}

void node_state::answer_failure(const call_id& cid, errc code, std::string message,
                                started_state started) {
  auto why = make_error(code, std::move(message));
  why.started = started;
  if (is_retriable(code)) why.retry_after_ms = 1000;
  out_->push_back(bus_answer(bus_failed{cid, std::move(why)}));
}

// As worker.

void node_state::take_work(broker_frame& in) {
  auto& h = in.header;
  if (is_draining_)
    return send_error(frame::reject, h.cid,
                      make_error(errc::draining, "the node is shutting down"));
  served_.insert_or_assign(h.cid, served_call{h.hop});
  bus_request work;
  work.method = std::move(h.svc);
  work.cid = h.cid;
  work.delegated = (h.flags & delegated) != 0;
  work.idempotent = (h.flags & idempotent) != 0;
  work.streamed = (h.flags & streamed) != 0;
  work.deadline = h.ttl_ms == 0 ? instant::max() : now_ + std::chrono::milliseconds(h.ttl_ms);
  work.credential = std::move(h.credential);
  work.caller = std::move(h.caller);
  work.request_id = std::move(h.request_id);
  work.traceparent = std::move(h.traceparent);
  work.client_address = std::move(h.client_address);
  work.body = std::move(in.body);
  out_->push_back(bus_work(std::move(work)));
}

void node_state::take_signal(broker_frame& in) {
  const auto& cid = in.header.cid;
  if (!served_.contains(cid)) {
    ++dropped_;
    // The broker counts a slot as taken by what never came here, or whose end was lost.
    return in.header.type == frame::cancel ? send(frame::credit, cid) : void();
  }
  if (in.header.type == frame::cancel) return out_->push_back(bus_work(bus_cancel{cid}));
  const auto more = decode_window(in.body);
  if (!more) return void(++dropped_);
  const auto bounded = [](std::uint64_t v) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(v, 1u << 30));
  };
  out_->push_back(
      bus_work(bus_window{cid, more->acked_seq, bounded(more->frames), bounded(more->bytes)}));
}

void node_state::on(send_partial& in) {
  const auto at = served_.find(in.cid);
  if (at == served_.end()) return void(++dropped_);
  at->second.sent = in.seq;
  send(frame::partial, in.cid, std::move(in.body));
  std::get<frame_to_broker>(out_->back()).header.seq = in.seq;
}

void node_state::on(send_final& in) {
  if (in.body.size() > limits::bus_body_bytes) {
    send_failure instead{in.cid, make_error(errc::too_large, "the answer is too large")};
    return on(instead);
  }
  const auto at = served_.find(in.cid);
  if (at == served_.end()) return void(++dropped_);
  const auto sent = at->second.sent;
  served_.erase(at);
  ++answered_;
  send(frame::final, in.cid, std::move(in.body));
  std::get<frame_to_broker>(out_->back()).header.seq = sent;
}

void node_state::on(send_failure& in) {
  if (served_.erase(in.cid) == 0) return void(++dropped_);
  ++answered_;
  send_error(frame::error, in.cid, in.why);
}

void node_state::on(give_back& in) {
  if (served_.erase(in.cid) != 0) send(frame::credit, in.cid);
}

// The end.

void node_state::on(drain_started&) {
  if (std::exchange(is_draining_, true)) return;
  if (phase_ == phase::welcomed) send(frame::drain, {});
}

void node_state::on(stop_asked&) {
  if (phase_ != phase::down) send(frame::goodbye, {});
  lose_link("the node is stopping");
}

void node_state::send(frame type, const call_id& cid, std::string body, std::string svc) {
  envelope e;
  e.type = type;
  e.mid = next_mid();
  e.cid = cid;
  e.svc = std::move(svc);
  out_->push_back(frame_to_broker{std::move(e), std::move(body)});
}

/// Beside the counters of the process's call ids, which have the highest bit clear.
call_id node_state::next_mid() {
  return {who_.incarnation, ++sent_ | 1ull << 63};
}

void node_state::send_error(frame type, const call_id& cid, const error& why) {
  send(type, cid, msgpack_codec::encode(why));
}

} // namespace troupe::wire
