#include "broker/broker_state.hpp"

/// The part of the broker that lets others look on.
namespace troupe::wire {

/// A step that is looked on at: what comes in, before it is moved on, and what goes out.
void broker_state::step_before_others(broker_input& in) {
  call_id about;
  std::string called;
  if (const auto* frame = std::get_if<frame_received>(&in)) {
    about = frame->header.cid;
    called = service_of_call(frame->header);
    show_received(*frame, called);
  }
  const auto first = out_->size();
  std::visit([this](auto& what) { on(what); }, in);
  show_sent(first, about, called);
}

void broker_state::take_tap(peer& from, const frame_received& in) {
  auto wish = decode_tap(bytes_of(in.body));
  if (!wish) {
    ++counts_.malformed;
    return send_error(from.id, in.header.cid, std::move(wish.error()));
  }
  if (from.rule != nullptr && !from.rule->may_tap) {
    audit(from.key, from.who.name, "tap", wish->service);
    return send_error(from.id, in.header.cid,
                      make_error(errc::forbidden, "'" + from.rule->principal + "' may not tap"));
  }
  if (wish->is_over)
    taps_.remove(from.id);
  else if (!taps_.set(from.id, *wish, now_))
    return send_error(from.id, in.header.cid,
                      make_error(errc::overloaded, "this broker has too many taps"));
  send(from.id, frame::tap, in.header.cid);
}

/// Of the call that the frame is about; a request that is new here names it itself.
std::string broker_state::service_of_call(const envelope& header) const {
  if (const auto at = calls_.find(header.cid); at != calls_.end() && at->second.target != nullptr)
    return at->second.target->name;
  return header.type == frame::request ? header.svc.substr(0, header.svc.find('.')) : std::string();
}

void broker_state::show_received(const frame_received& in, const std::string& called) {
  const auto at = peers_.find(in.from);
  if (at != peers_.end()) show({false, &in.header, bytes_of(in.body), at->second.who.name, called});
}

/// What the step says, from `first` on. A call that it ended is known by what came in.
void broker_state::show_sent(std::size_t first, const call_id& about, const std::string& called) {
  const auto end = out_->size(); // what is shown comes behind, and is not shown again
  for (auto n = first; n < end; ++n) {
    const auto [to, header, body] = (*out_)[n]; // a copy: showing makes the vector grow
    const auto at = peers_.find(to);
    auto name = service_of_call(header);
    if (name.empty() && header.cid == about) name = called;
    show({true, &header, bytes_of(body), at == peers_.end() ? "" : at->second.who.name, name});
  }
}

void broker_state::show(const passing_frame& what) {
  if (what.header->type == frame::tap || what.header->type == frame::tapped) return;
  taps_.show(what, now_, [this](const peer_id& to, std::string packed) {
    send(to, frame::tapped, {}, make_body(std::move(packed)));
  });
}

} // namespace troupe::wire
