#include "broker/node_state.hpp"

#include "messages/base/log.hpp"
#include "messages/codec/msgpack.hpp"

#include <algorithm>

namespace troupe::wire {

node_state::node_state(node_identity who, node_bounds bounds)
    : who_(std::move(who)),
      bounds_(bounds),
      out_(who_.incarnation),
      links_(who_, bounds_, out_),
      asked_(bounds_, links_, out_),
      served_(bounds_, links_, out_),
      asked_stats_(links_, out_) {}

void node_state::step(instant now, node_input in, std::vector<node_output>& out) {
  // After a freeze of our own the brokers' silence proves nothing.
  if (now_ != instant{} && now - due() > bounds_.silence / 2) links_.forgive(now);
  now_ = now;
  out_.open(&out);
  std::visit([this](auto& what) { on(what); }, in);
  out_.open(nullptr);
}

instant node_state::due() const {
  return std::min({links_.due(), asked_.due(), served_.due(), asked_stats_.due()});
}

// The links.

void node_state::on(link_up& in) {
  links_.add(now_, in.link, std::move(in.address));
}

void node_state::on(link_down& in) {
  lose(in.link);
}

void node_state::lose(link_id link) {
  if (!links_.remove(now_, link)) return;
  asked_.link_lost(now_, link);
  served_.link_lost(now_, link);
  asked_stats_.link_lost(link);
  look_linked();
}

void node_state::look_linked() {
  const bool is = links_.is_linked();
  if (std::exchange(is_linked_, is) != is) out_.put(link_changed{is});
}

void node_state::heed(link_state& link, link_state::news what) {
  const auto id = link.id();
  switch (what) {
    case link_state::news::none:
      return;
    case link_state::news::welcomed:
      links_.share(now_);
      if (link.becomes_linked()) confirm(id);
      asked_.link_found(now_);
      return served_.link_found(now_);
    case link_state::news::linked:
      return confirm(id);
    case link_state::news::leaving:
      return served_.link_leaving(now_, id);
    case link_state::news::forgotten:
      links_.share(now_);
      asked_.link_lost(now_, id);
      served_.link_lost(now_, id);
      asked_stats_.link_lost(id);
      return look_linked();
    case link_state::news::useless:
      std::string why(link.why());
      lose(id);
      return out_.put(relink{id, std::move(why)});
  }
}

void node_state::confirm(link_id link) {
  out_.put(link_confirmed{link});
  look_linked();
}

void node_state::on(broker_frame& in) {
  auto* link = links_.find(in.over);
  if (link == nullptr) return void(++dropped_);
  if (in.header.type == frame::heartbeat || in.header.type == frame::welcome) hear_brokers(in.body);
  const auto news = link->take(now_, in);
  if (asked_stats_.take(in)) return;
  news == link_state::news::none ? take_about_call(in) : heed(*link, news);
}

void node_state::take_about_call(broker_frame& in) {
  switch (in.header.type) {
    case frame::request:
      return served_.take_request(now_, in);
    case frame::start:
      return served_.take_start(in);
    case frame::window:
    case frame::cancel:
    case frame::reject:
      return served_.take_signal(now_, in);
    case frame::error:
      if (in.header.cid == call_id{}) return take_refusal(in);
      [[fallthrough]];
    case frame::accept:
    case frame::partial:
    case frame::final:
      return asked_.take(now_, in);
    default:
      return;
  }
}

void node_state::hear_brokers(std::string_view body) {
  if (body.empty()) return;
  if (auto said = decode_heartbeat(body); said && !said->brokers.empty())
    out_.put(brokers_heard{std::move(said->brokers)});
}

/// An error about the link itself.
void node_state::take_refusal(const broker_frame& in) {
  const auto why = msgpack_codec::decode<error>(in.body);
  log::error("bus.refused", {{"why", why ? why->message : "unreadable"}});
}

void node_state::on(time_passed&) {
  asked_.expire(now_);
  served_.expire(now_);
  asked_stats_.expire(now_);
  std::vector<link_id> all;
  links_.each([&](link_state& l) { all.push_back(l.id()); });
  for (const auto id : all) {
    auto* l = links_.find(id);
    const auto news = l->pass(now_);
    if (news == link_state::news::none && l->is_beat_due(now_))
      l->beat(now_, {served_.size(), served_.answered(), links_.addresses(),
                     static_cast<std::uint64_t>(stuck_.count())});
    heed(*l, news);
  }
}

// As requester.

void node_state::on(bus_request& in) {
  in.delegated ? served_.hand_on(now_, in) : asked_.ask(now_, in);
}

void node_state::on(bus_window& in) {
  asked_.grant(in);
}

void node_state::on(bus_cancel& in) {
  asked_.cancel(in.cid);
}

// As worker.

void node_state::on(send_partial& in) {
  served_.partial(in);
}

void node_state::on(send_final& in) {
  served_.final(now_, in);
}

void node_state::on(send_failure& in) {
  served_.failure(now_, in);
}

// The end.

void node_state::on(drain_started&) {
  served_.drain();
  links_.drain();
}

void node_state::on(stop_asked&) {
  links_.each([&](link_state& l) { out_.frame_over(l.id(), frame::goodbye, {}); });
  asked_.fail_all("the node is stopping");
  served_.cancel_all();
  asked_stats_.end_all();
  links_.clear();
  look_linked();
}

} // namespace troupe::wire
