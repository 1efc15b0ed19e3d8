// Goal: no bytes from the wire crash a broker or a node, and a header that is accepted is written
// so that it reads back the same. Method: the input is a header, a link frame's body, and a script
// of frames from two peers to a broker state and from a broker to a node state.
#include "broker/body_shape.hpp"
#include "broker/broker_state.hpp"
#include "broker/node_state.hpp"
#include "messages/codec/msgpack.hpp"
#include "tests/fuzz/require.hpp"

#include <cstdint>
#include <string_view>

namespace {

using namespace troupe;
using namespace troupe::wire;
using namespace std::chrono_literals;

void headers_and_bodies(std::string_view input) {
  if (const auto e = decode(input)) {
    const auto again = decode(encode(*e));
    require(again && *again == *e);
  }
  (void)decode_hello(input);
  (void)decode_welcome(input);
  (void)decode_capacity(input);
  (void)decode_heartbeat(input);
  (void)decode_window(input);
  (void)decode_tap(input);
  (void)decode_tapped(input);
  require(body_text(input, body_detail::shape).size() <= 2 * tapped_text_bytes);
  require(body_text(input, body_detail::plain).size() <= 2 * tapped_text_bytes);
  (void)msgpack_codec::decode<broker_report>(input);
}

/// The next `n` bytes of the script; fewer at its end.
std::string_view next(std::string_view& script, std::size_t n) {
  const auto part = script.substr(0, std::min(n, script.size()));
  script.remove_prefix(part.size());
  return part;
}

/// Four bytes a frame: type, flags, call, length of the body that follows.
envelope scripted(std::string_view& script, std::string& body) {
  const auto bytes = next(script, 4);
  const auto at = [&](std::size_t n) {
    return n < bytes.size() ? static_cast<std::uint8_t>(bytes[n]) : std::uint8_t{0};
  };
  envelope e;
  e.type = static_cast<frame>(at(0) % 29);
  e.flags = at(1);
  e.hop = at(1) >> 5;
  e.ttl_ms = at(1);
  e.cid = {1u + at(2) % 2, at(2) % 8u};
  e.svc = at(2) % 3 == 0 ? "auth.me/v1" : "auth";
  body = next(script, at(3) % 64);
  return e;
}

/// Other rules for the keys of both peers: one is let in always, one sometimes.
access_changed other_rules(std::uint8_t choice) {
  std::vector<access_rule> rules{{"one", {"1"}, {"auth"}, {"*"}, {}, {}}};
  if (choice % 32 < 16) rules.push_back({"two", {"2"}, {choice < 128 ? "*" : "auth"}, {}, {}, {}});
  return {std::make_shared<access_table>(std::move(rules))};
}

void ask(node_state& node, instant now, const envelope& like, std::vector<node_output>& done) {
  bus_request r;
  r.method = "auth.me/v1";
  r.cid = like.cid;
  r.idempotent = (like.flags & idempotent) != 0;
  r.deadline = now + 5s;
  node.step(now, std::move(r), done);
}

void play(std::string_view script) {
  broker_state broker(9);
  node_state node({"n", 1, 2, {"auth"}, {{"auth", 2}}});
  std::vector<frame_to_send> sent;
  std::vector<node_output> done;
  instant now{1h};
  for (const std::uint64_t incarnation : {1, 2}) {
    hello_body hello{"p", incarnation, 1, {incarnation == 1 ? "auth" : "edge"}, 1, 1};
    envelope e;
    e.type = frame::hello;
    const auto key = std::to_string(incarnation);
    broker.step(now, frame_received{key, e, make_body(encode(hello)), key}, sent);
    e.type = frame::registration;
    e.svc = "auth";
    broker.step(now, frame_received{key, e, make_body(encode(capacity_body{2})), key}, sent);
  }
  for (const link_id link : {1u, 2u}) node.step(now, link_up{link, {}}, done);
  envelope tap; // the first peer looks on
  tap.type = frame::tap;
  broker.step(now, frame_received{"1", tap, make_body(encode(tap_body{.bodies = 2})), "1"}, sent);
  while (!script.empty()) {
    const auto choice = static_cast<std::uint8_t>(next(script, 1)[0]);
    std::string body;
    auto e = scripted(script, body);
    now += std::chrono::milliseconds(choice);
    if (choice % 16 == 0) broker.step(now, time_passed{}, sent);
    if (choice % 16 == 1) node.step(now, time_passed{}, done);
    if (choice % 16 == 2) broker.step(now, peer_gone{"2"}, sent);
    if (choice % 16 == 3) node.step(now, send_final{e.cid, body}, done);
    if (choice % 16 == 4) node.step(now, send_partial{e.cid, choice, body}, done);
    const link_id over = 1 + e.hop % 2;
    if (choice % 16 == 5) node.step(now, link_down{over}, done);
    if (choice % 16 == 6) node.step(now, link_up{over, {}}, done);
    if (choice % 16 == 7) ask(node, now, e, done);
    if (choice % 16 == 10) node.step(now, stats_asked{choice, 100ms}, done);
    if (choice % 16 == 8) broker.step(now, other_rules(choice), sent);
    const std::string from = choice % 2 == 0 ? "1" : "2";
    const std::string_view key = choice % 16 == 9 ? "1" : from; // 9: under the other's name
    broker.step(now, frame_received{from, e, make_body(body), key}, sent);
    node.step(now, broker_frame{over, std::move(e), std::move(body)}, done);
    require(broker.queued() <= broker.in_flight());
    require(broker.streams() <= broker.in_flight());
    require(broker.view().nodes.size() == broker.peers());

    sent.clear();
    done.clear();
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  headers_and_bodies(input);
  play(input);
  return 0;
}
