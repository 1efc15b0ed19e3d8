#include "tests/sim/mutants.hpp"

#include "messages/codec/msgpack.hpp"

#include <memory>
#include <set>

namespace troupe::sim {
namespace {

using wire::frame;

mutation named(std::string name) {
  mutation out;
  out.name = std::move(name);
  return out;
}

mutation repeats_everything() {
  auto out = named("the broker hands every request to another worker when the first is lost");
  out.broker_hears = [](wire::frame_received& f) {
    if (f.header.type != frame::registration) return true;
    auto offer = wire::decode_capacity(wire::bytes_of(f.body));
    for (auto& m : offer->methods) m.is_idempotent = true;
    f.body = wire::make_body(wire::encode(*offer));
    return true;
  };
  return out;
}

mutation cancels_nothing() {
  auto out = named("the broker tells no worker that nobody waits any more");
  out.broker_sends = [](wire::frame_to_send& f) { return f.header.type != frame::cancel; };
  return out;
}

mutation claims(started_state always, std::string name) {
  auto out = named(std::move(name));
  out.broker_sends = [always](wire::frame_to_send& f) {
    if (f.header.type != frame::error) return true;
    auto why = msgpack_codec::decode<error>(wire::bytes_of(f.body));
    if (!why) return true;
    why->started = always;
    f.body = wire::make_body(msgpack_codec::encode(*why));
    return true;
  };
  return out;
}

/// The third token of each stream is gone, and the numbers after it hide that.
mutation swallows_a_token() {
  auto out = named("a worker's node swallows a token and counts as if it had not");
  auto had = std::make_shared<std::set<call_id>>();
  out.node_sends = [had](wire::frame_to_broker& f) {
    const bool is_partial = f.header.type == frame::partial;
    if (is_partial && f.header.seq == 3) {
      had->insert(f.header.cid);
      return false;
    }
    const bool is_after = is_partial || f.header.type == frame::final;
    if (is_after && had->contains(f.header.cid)) --f.header.seq;
    return true;
  };
  return out;
}

mutation mixes_answers_up() {
  auto out = named("the broker sends one answer in a hundred to another call");
  auto count = std::make_shared<int>(0);
  out.broker_sends = [count](wire::frame_to_send& f) {
    if (f.header.type == frame::final && ++*count % 100 == 0) --f.header.cid.counter;
    return true;
  };
  return out;
}

mutation keeps_slots() {
  auto out = named("a node does not answer the CANCEL of a call that it does not have");
  out.node_sends = [](wire::frame_to_broker& f) { return f.header.type != frame::credit; };
  return out;
}

mutation stays_silent_when_moved() {
  auto out = named("a worker does not tell its requester that it answers through another broker");
  out.node_sends = [](wire::frame_to_broker& f) { return f.header.type != frame::accept; };
  return out;
}

mutation acknowledges_too_much() {
  auto out = named("a requester acknowledges a token that has not come");
  out.node_sends = [](wire::frame_to_broker& f) {
    if (f.header.type != frame::window) return true;
    auto body = wire::decode_window(f.body);
    if (!body) return true;
    ++body->acked_seq;
    f.body = wire::encode(*body);
    return true;
  };
  return out;
}

mutation leaves_with_a_word() {
  auto out = named("a broker takes a call that moved on for one that was given up");
  out.broker_hears = [](wire::frame_received& f) {
    f.header.flags &= static_cast<std::uint8_t>(~wire::moved);
    return true;
  };
  return out;
}

mutation starts_at_once() {
  auto out = named("a worker begins without START, and its broker does not know");
  out.broker_sends = [](wire::frame_to_send& f) {
    f.header.flags &= static_cast<std::uint8_t>(~wire::on_start);
    return true;
  };
  return out;
}

mutation forgets_what_it_heard() {
  auto out = named("the broker takes a message that comes again for a new one");
  auto count = std::make_shared<std::uint64_t>(0);
  out.broker_hears = [count](wire::frame_received& f) {
    f.header.mid.counter = ++*count | 1ull << 63;
    return true;
  };
  return out;
}

mutation broker_without_clock() {
  auto out = named("the broker has no clock");
  out.is_broker_without_clock = true;
  return out;
}

mutation node_without_clock() {
  auto out = named("the nodes have no clock");
  out.is_node_without_clock = true;
  return out;
}

} // namespace

std::vector<mutation> mutants() {
  return {repeats_everything(),
          cancels_nothing(),
          claims(started_state::no, "every error of the broker says that the work did not begin"),
          claims(started_state::yes, "every error of the broker says that the work began"),
          swallows_a_token(),
          mixes_answers_up(),
          keeps_slots(),
          stays_silent_when_moved(),
          acknowledges_too_much(),
          leaves_with_a_word(),
          starts_at_once(),
          forgets_what_it_heard(),
          broker_without_clock(),
          node_without_clock()};
}

} // namespace troupe::sim
