#include "broker/asked_calls.hpp"

#include "broker/request_header.hpp"
#include "messages/codec/msgpack.hpp"

#include <algorithm>

namespace troupe::wire {
namespace {

/// Of the partials of a call that has ended, one in so many is answered with CANCEL.
constexpr std::uint64_t partials_told = 16;
/// How often parts of one answer may be missed before it is given up.
constexpr int searches_max = 16;

/// Another broker may have better news.
bool may_ask_elsewhere(const error& why, bool is_repeatable) {
  switch (why.code) {
    case errc::unavailable:
    case errc::overloaded:
    case errc::draining:
      return is_repeatable || why.started == started_state::no;
    case errc::worker_lost:
      return is_repeatable;
    default:
      return false;
  }
}

/// An answer that this node gives itself.
bus_failed failure_of(const call_id& cid, errc code, std::string message, started_state started) {
  auto why = make_error(code, std::move(message));
  why.started = started;
  if (is_retriable(code)) why.retry_after_ms = 1000;
  return {cid, std::move(why)};
}

} // namespace

/// Only who serves a method may name it; the broker sees to that.
bool asked_calls::is_move_of(const call& c, const envelope& header) {
  return header.type == frame::accept && header.seq > 0 &&
         without_router(header.svc) == without_router(c.method);
}

// Asking.

void asked_calls::ask(instant now, bus_request& in) {
  const auto refuse = [&](errc code, const char* why) {
    out_.put(bus_answer(failure_of(in.cid, code, why, started_state::no)));
  };
  const auto over = links_.choose(now);
  if (over == 0) return refuse(errc::unavailable, "no link to a broker");
  if (calls_.size() >= bounds_.calls) return refuse(errc::overloaded, "too many calls in flight");
  if (in.deadline <= now) return refuse(errc::deadline_exceeded, "the deadline passed");
  if (in.body.size() > limits::bus_body_bytes)
    return refuse(errc::too_large, "the request is too large");
  auto header = request_header(now, in, out_.next_mid());
  if (header.svc.empty()) return refuse(errc::too_large, "the request's header is too large");
  const auto [at, is_new] = calls_.try_emplace(in.cid);
  if (!is_new) return void(++dropped_); // asked twice: the first is answered
  auto& c = at->second;
  c.cid = in.cid;
  c.deadline =
      in.deadline < instant::max() - bounds_.grace ? in.deadline + bounds_.grace : instant::max();
  c.heard = now;
  if (next_look_ == instant::max()) next_look_ = now + bounds_.quiet;
  c.is_idempotent = in.idempotent;
  c.method = header.svc;
  if (c.deadline != instant::max()) deadlines_.emplace(c.deadline, c.cid);
  budget_.earn();
  keep(c, header, in.body);
  settle(c, over);
  out_.put(frame_to_broker{over, std::move(header), std::move(in.body)});
}

void asked_calls::keep(call& c, const envelope& header, const std::string& body) {
  if (body.size() > bounds_.kept_body_bytes || kept_ + body.size() > bounds_.kept_bytes) return;
  kept_ += body.size();
  c.again = std::make_unique<frame_to_broker>(frame_to_broker{0, header, body});
}

void asked_calls::forget_request(call& c) {
  if (!c.again) return;
  kept_ -= c.again->body.size();
  c.again.reset();
}

/// Through another broker than `except`. False: there is none, or it was tried often enough.
bool asked_calls::ask_again(instant now, call& c, link_id except) {
  if (!c.again || c.attempts >= bounds_.attempts) return false;
  const auto over = links_.choose(now, except);
  if (over == 0 || !budget_.spend()) return false;
  ++c.attempts;
  found(c);
  settle(c, over);
  auto again = *c.again;
  again.over = over;
  again.header.mid = out_.next_mid();
  again.header.seq = static_cast<std::uint64_t>(c.attempts - 1);
  again.header.ttl_ms = c.deadline == instant::max() ? 0 : ttl_of(now, c.deadline - bounds_.grace);
  out_.put(std::move(again));
  return true;
}

/// A WINDOW for each part of an answer would double the messages of a stream. What is held back is
/// less than the first credit, so that nobody waits for it.
void asked_calls::grant(const bus_window& in) {
  auto* c = find(in.cid);
  if (c == nullptr) return;
  c->frames += in.frames;
  c->bytes += in.bytes;
  const bool is_due = c->frames - c->told_frames >= bounds_.window_frames ||
                      c->bytes - c->told_bytes >= bounds_.window_bytes;
  if (c->home != 0 && is_due) say_window(*c, c->home, false);
}

void asked_calls::cancel(const call_id& cid) {
  auto* c = find(cid);
  if (c == nullptr) // of a call that was delegated: only its broker knows it
    return links_.each([&](link_state& l) {
      if (l.is_welcomed()) out_.frame_over(l.id(), frame::cancel, cid);
    });
  c->is_cancelled = true;
  if (c->home != 0) return say_cancel(*c, c->home);
  if (c->worker != 0) say_cancel(*c, way_to(*c));
  fail(*c, errc::cancelled, "cancelled", started_state::unknown);
}

/// All that was granted so far, so that one that is lost does no harm.
void asked_calls::say_window(call& c, link_id over, bool resend) {
  window_body body;
  body.acked_seq = c.seen;
  body.granted_frames = c.told_frames = c.frames;
  body.granted_bytes = c.told_bytes = c.bytes;
  body.resend = resend;
  auto& header = out_.frame_over(over, frame::window, c.cid, encode(body)).header;
  header.to = c.worker;
  if (resend && c.worker == 0) header.svc = c.method;
}

/// Where it is at home, or the next broker that may know it.
link_id asked_calls::way_to(const call& c) const {
  return c.home != 0 ? c.home : links_.next(c.tried);
}

void asked_calls::say_cancel(const call& c, link_id over) {
  if (over != 0) out_.frame_over(over, frame::cancel, c.cid).header.to = c.worker;
}

// What comes back.

void asked_calls::take(instant now, broker_frame& in) {
  auto* c = find(in.header.cid);
  if (c == nullptr) {
    ++dropped_;
    const bool is_partial = in.header.type == frame::partial && in.header.seq % partials_told == 0;
    if (in.header.type == frame::accept || is_partial) turn_away(in);
    return;
  }
  c->heard = now;
  switch (in.header.type) {
    case frame::accept:
      return take_accept(*c, in);
    case frame::partial:
      return take_partial(now, *c, in);
    case frame::final:
      return take_final(now, *c, in);
    default:
      return take_error(now, *c, in);
  }
}

/// Partials come from one worker, the first that sent one; another that has the call as well is
/// told to stop. Before that the last one that spoke up counts: it may be one that delegates.
bool asked_calls::is_from_worker(call& c, const broker_frame& in) {
  const auto from = in.header.mid.incarnation;
  // The broker that has the request vouches for whom it gave it to; who comes from elsewhere says
  // ACCEPT, and of what, first.
  const bool is_vouched = in.over == c.home || is_move_of(c, in.header);
  if (c.seen == 0 && !c.is_accepted && c.worker != from && is_vouched) {
    c.worker = from;
    c.moves = 0;
    settle(c, in.over);
  }
  if (c.worker == from) return true;
  ++dropped_;
  turn_away(in);
  return false;
}

void asked_calls::turn_away(const broker_frame& in) {
  out_.frame_over(in.over, frame::cancel, in.header.cid).header.to = in.header.mid.incarnation;
}

/// The worker's answers come this way from now on.
void asked_calls::take_accept(call& c, const broker_frame& in) {
  if (in.header.seq == 0) return take_begun(c, in);
  if (!is_move_of(c, in.header)) return turn_away(in);
  if (!is_from_worker(c, in)) return;
  if (in.header.seq <= c.moves) return void(++dropped_); // a later move has overtaken it
  c.moves = in.header.seq;
  forget_request(c);
  found(c);
  settle(c, in.over);
  if (c.is_cancelled) return say_cancel(c, c.home);
  say_window(c, c.home, false);
}

/// The broker that has the request told this worker to begin. It tells another one only when this
/// one has handed the request on.
void asked_calls::take_begun(call& c, const broker_frame& in) {
  if (c.seen > 0 || (c.home != 0 && c.home != in.over)) return void(++dropped_);
  if (std::exchange(c.worker, in.header.mid.incarnation) != in.header.mid.incarnation) c.moves = 0;
  c.is_accepted = c.may_have_begun = true;
  forget_request(c);
  found(c);
  settle(c, in.over);
  if (c.is_cancelled) say_cancel(c, c.home);
}

/// A partial that comes again is dropped.
void asked_calls::take_partial(instant now, call& c, broker_frame& in) {
  if (!is_from_worker(c, in)) return;
  if (in.header.seq <= c.seen) return void(++dropped_);
  if (in.header.seq != c.seen + 1) return begin_search(now, c);
  c.seen = in.header.seq;
  forget_request(c);
  out_.put(bus_answer(bus_partial{c.cid, c.seen, std::move(in.body)}));
}

void asked_calls::take_final(instant now, call& c, broker_frame& in) {
  if (!is_from_worker(c, in)) return;
  if (in.header.seq != c.seen) return begin_search(now, c);
  out_.put(bus_answer(bus_finished{c.cid, std::move(in.body)}));
  end(c);
}

void asked_calls::take_error(instant now, call& c, const broker_frame& in) {
  const auto* link = links_.find(in.over);
  const bool is_broker = link != nullptr && link->broker() == in.header.mid.incarnation;
  if (!is_broker && !is_from_worker(c, in)) return;
  auto why = msgpack_codec::decode<error>(in.body);
  if (!why) why = make_error(errc::internal, "a peer's error could not be read");
  if (is_broker) count_attempts(c, in.header);
  if (is_broker && take_denial(now, c, in, *why)) return;
  const bool is_of_home = is_broker && in.over == c.home;
  if (is_of_home && c.is_accepted && c.seen == 0 && why->started == started_state::no) {
    // Who was to begin it refused it, or handed it on; the broker told nobody else to begin.
    out_.put(bus_answer(bus_failed{c.cid, std::move(*why)}));
    return end(c);
  }
  if (why->started != started_state::no) c.may_have_begun = true;
  if (is_broker && c.is_cancelled) { // whatever became of it: nobody waits for it
    why->code = errc::cancelled;
    why->message = "cancelled";
  }
  if (is_broker && may_ask_elsewhere(*why, c.is_idempotent && c.seen == 0)) {
    if (ask_again(now, c, in.over)) return;
    if (c.may_have_begun) { // there may be a worker that has it from before
      settle(c, 0);
      return begin_search(now, c);
    }
  }
  // What may begin once has one worker, which knows what it did: what it said before may be limits.
  const bool is_sure = !is_broker && !c.is_idempotent && (c.is_accepted || c.seen > 0);
  if (why->started == started_state::no && !is_sure) {
    if (c.may_have_begun) why->started = started_state::unknown;
    if (c.seen > 0) why->started = started_state::yes;
  }
  out_.put(bus_answer(bus_failed{c.cid, std::move(*why)}));
  end(c);
}

/// What a broker gave to one worker after the other is not given to as many again by the next: it
/// may be what kills them.
void asked_calls::count_attempts(call& c, const envelope& header) const {
  const auto most = static_cast<std::uint64_t>(bounds_.attempts);
  c.attempts = std::max(c.attempts, static_cast<int>(std::min(header.seq, most)));
}

/// Not given too often, nor may a second time do harm.
bool asked_calls::may_repeat(const call& c) const noexcept {
  return c.is_idempotent && c.attempts < bounds_.attempts;
}

/// A broker that lost the worker, or never had it. Another one may have it: they are asked until
/// all have said that they do not, either. False: the error counts.
bool asked_calls::take_denial(instant now, call& c, const broker_frame& in, const error& why) {
  const bool is_loss = why.code == errc::worker_lost;
  if (c.home != in.over) { // the worker has left this broker
    const bool is_asked = c.home == 0 && is_loss && !c.denied.empty();
    if (is_asked && std::ranges::find(c.denied, in.over) == c.denied.end()) {
      c.denied.push_back(in.over);
      if (links_.are_all_in(c.denied)) lose(c);
    }
    return true;
  }
  const bool is_asked_again = may_repeat(c) && c.seen == 0;
  if (!is_loss || c.worker == 0 || c.is_cancelled || is_asked_again || links_.welcomed() < 2)
    return false;
  c.tried = in.over;
  c.denied = {in.over};
  settle(c, 0);
  begin_search(now, c);
  return true;
}

// What is lost.

void asked_calls::link_lost(instant now, link_id link) {
  for (const auto& cid : calls_at(calls_, link))
    if (auto* c = find(cid)) home_lost(now, *c);
}

void asked_calls::home_lost(instant now, call& c) {
  const auto lost = std::exchange(c.home, 0);
  c.may_have_begun = true;
  if (c.is_cancelled) return cancel(c.cid);
  if (c.is_idempotent && c.worker == 0 && ask_again(now, c, lost)) return;
  begin_search(now, c);
}

void asked_calls::link_found(instant now) {
  searching_.hurry(now);
}

void asked_calls::begin_search(instant now, call& c) {
  if (!searching_.add(now, c.cid)) return;
  const bool is_hopeless = c.worker == 0 && !c.is_idempotent; // it has not begun, most likely
  c.give_up = now + (is_hopeless ? bounds_.last_look : bounds_.search);
  if (++c.searches > searches_max) return lose(c);
  search(now, c);
}

/// Asks the worker for what is missing: where the call is at home, or through one broker after the
/// other. One that is not known is asked for among all that serve the method.
void asked_calls::search(instant now, call& c) {
  if (c.home != 0) return say_window(c, c.home, true);
  c.tried = links_.next(c.tried);
  if (c.tried == 0) return;
  if (c.worker != 0 || !c.is_idempotent || !ask_again(now, c, 0)) say_window(c, c.tried, true);
}

void asked_calls::found(call& c) {
  searching_.remove(c.cid);
  c.give_up.reset();
  c.denied.clear();
}

void asked_calls::lose(call& c) {
  const auto started = c.seen > 0 ? started_state::yes : started_state::unknown;
  say_cancel(c, way_to(c));
  if (c.home != 0)
    return fail(c, errc::upstream_failed, "a part of the answer was lost on its way", started);
  fail(c, may_repeat(c) ? errc::unavailable : errc::worker_lost,
       "the node that worked on the request is gone: no broker knows it", started);
}

void asked_calls::expire(instant now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    auto* c = find(deadlines_.begin()->second);
    if (c->home != 0 || c->worker != 0) say_cancel(*c, way_to(*c));
    fail(*c, errc::deadline_exceeded, "the deadline passed", started_state::unknown);
  }
  if (now >= next_look_) look_for_quiet(now);
  for (const auto& cid : searching_.take_due(now)) {
    auto* c = find(cid);
    now >= *c->give_up ? lose(*c) : search(now, *c);
  }
}

void asked_calls::look_for_quiet(instant now) {
  for (auto& [cid, c] : calls_) {
    if (c.home == 0 || now - c.heard < bounds_.quiet) continue;
    c.heard = now;
    say_window(c, c.home, true);
  }
  next_look_ = calls_.empty() ? instant::max() : now + bounds_.quiet / 2;
}

void asked_calls::fail_all(std::string_view why) {
  while (!calls_.empty()) {
    auto& c = calls_.begin()->second;
    fail(c, c.is_idempotent ? errc::unavailable : errc::worker_lost, std::string(why),
         started_state::unknown);
  }
}

instant asked_calls::due() const {
  const auto at = std::min(searching_.due(), next_look_);
  return deadlines_.empty() ? at : std::min(at, deadlines_.begin()->first);
}

void asked_calls::settle(call& c, link_id home) {
  if (c.home == home) return;
  if (auto* l = links_.find(c.home); l != nullptr && l->in_flight > 0) --l->in_flight;
  if (auto* l = links_.find(home)) ++l->in_flight;
  c.home = home;
}

void asked_calls::end(call& c) {
  settle(c, 0);
  forget_request(c);
  deadlines_.erase({c.deadline, c.cid});
  searching_.remove(c.cid);
  calls_.erase(call_id(c.cid));
}

void asked_calls::fail(call& c, errc code, std::string message, started_state started) {
  out_.put(bus_answer(failure_of(c.cid, code, std::move(message), started)));
  end(c);
}

asked_calls::call* asked_calls::find(const call_id& cid) {
  const auto at = calls_.find(cid);
  return at == calls_.end() ? nullptr : &at->second;
}

} // namespace troupe::wire
