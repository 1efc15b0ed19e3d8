#include "broker/link_state.hpp"

#include <algorithm>

namespace troupe::wire {

void link_state::greet(instant now) {
  is_welcomed_ = is_linked_ = is_leaving_ = false;
  in_flight = 0;
  heard_ = asked_at_ = now;
  shares_ = 0;
  unconfirmed_.clear();
  hello_body hello;
  hello.name = who_.name;
  hello.incarnation = who_.incarnation;
  hello.link = who_.link + id_; // two addresses of one broker are two links
  hello.roles = who_.roles;
  out_.frame_over(id_, frame::hello, {}, encode(hello));
}

void link_state::offer(instant now, std::size_t links) {
  if (!is_welcomed_ || std::exchange(shares_, links) == links) return;
  if (!is_linked_) asked_at_ = now;
  for (const auto& s : who_.services) {
    const auto share = (s.capacity + links - 1) / links;
    auto& f =
        out_.frame_over(id_, frame::registration, {}, encode(capacity_body{share, s.methods}));
    f.header.svc = s.name;
    if (!is_linked_) unconfirmed_.insert(s.name);
  }
}

void link_state::drain() {
  is_draining_ = true;
  unconfirmed_.clear();
  if (is_welcomed_) out_.frame_over(id_, frame::drain, {});
}

bool link_state::becomes_linked() {
  return is_welcomed_ && !is_registering() && !std::exchange(is_linked_, true);
}

link_state::news link_state::take(instant now, const broker_frame& in) {
  heard_ = now;
  switch (in.header.type) {
    case frame::welcome:
      if (is_welcomed_) return news::none;
      is_welcomed_ = true;
      broker_ = in.header.mid.incarnation;
      next_beat_ = now + bounds_.heartbeat;
      if (is_draining_) out_.frame_over(id_, frame::drain, {});
      return news::welcomed;
    case frame::registered:
      unconfirmed_.erase(in.header.svc);
      return becomes_linked() ? news::linked : news::none;
    case frame::reset:
      greet(now);
      return news::forgotten;
    case frame::ping:
      out_.frame_over(id_, frame::pong, in.header.cid);
      return news::none;
    case frame::drain:
      return std::exchange(is_leaving_, true) ? news::none : news::leaving;
    case frame::goodbye:
      return useless("the broker said goodbye");
    default:
      return news::none;
  }
}

link_state::news link_state::pass(instant now) {
  const bool is_late = now >= asked_at_ + bounds_.greeting;
  if (!is_welcomed_) return is_late ? useless("the broker does not answer") : news::none;
  if (is_registering() && is_late) return useless("the broker does not register the services");
  if (now - heard_ >= bounds_.silence) return useless("the broker fell silent");
  return news::none;
}

void link_state::beat(instant now, const heartbeat_body& said) {
  next_beat_ = now + bounds_.heartbeat;
  out_.frame_over(id_, frame::heartbeat, {}, encode(said));
}

instant link_state::due() const {
  if (!is_welcomed_) return asked_at_ + bounds_.greeting;
  auto at = std::min(next_beat_, heard_ + bounds_.silence);
  if (is_registering()) at = std::min(at, asked_at_ + bounds_.greeting);
  return at;
}

link_state::news link_state::useless(std::string_view why) {
  why_ = why;
  return news::useless;
}

} // namespace troupe::wire
