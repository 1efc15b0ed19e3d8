#pragma once

#include "broker/broker_state.hpp"
#include "messages/codec/msgpack.hpp"

#include <gtest/gtest.h>
#include <deque>
#include <map>
#include <optional>

namespace troupe::wire {

using namespace std::chrono_literals;

/// The pure state machine of a broker under virtual time; peers are names, and what is sent to each
/// is kept until a test takes it.
class broker : public testing::Test {
protected:
  explicit broker(const broker_bounds& within = bounds()) : state_(99, within) {}

  std::vector<frame_to_send> feed(broker_input in) {
    std::vector<frame_to_send> out;
    state_.step(now_, std::move(in), out);
    return out;
  }
  /// With a number of its own, unless it has one.
  void receive(const peer_id& from, envelope e, std::string body = {}) {
    if (e.mid.counter == 0) e.mid.counter = ++numbered_ | 1ull << 63;
    for (auto& f : feed(frame_received{from, std::move(e), make_body(std::move(body))}))
      inbox_[f.to].push_back(std::move(f));
  }
  void happen(broker_input in) {
    for (auto& f : feed(std::move(in))) inbox_[f.to].push_back(std::move(f));
  }
  /// Time goes on in steps of a second at most, as the driver's does. Everybody's heart beats.
  void pass(std::chrono::milliseconds span, bool with_hearts = true) {
    while (span > 0ms) {
      const auto part = std::min<std::chrono::milliseconds>(span, 500ms);
      now_ += part;
      span -= part;
      if (with_hearts)
        for (const auto& [name, incarnation] : incarnations_) send(name, frame::heartbeat, {});
      happen(time_passed{});
    }
  }
  void send(const peer_id& from, frame type, call_id cid, std::string body = {},
            std::uint64_t seq = 0) {
    envelope e;
    e.type = type;
    e.cid = cid;
    e.seq = seq;
    receive(from, std::move(e), std::move(body));
  }
  /// HELLO of a link of a process.
  void greet(const peer_id& connection, std::uint64_t incarnation, const std::string& role,
             std::uint64_t link = 1) {
    hello_body hello;
    hello.name = connection;
    hello.incarnation = incarnation;
    hello.link = link;
    hello.roles = {role};
    envelope e;
    e.type = frame::hello;
    receive(connection, e, encode(hello));
  }
  void join(const peer_id& name, const std::string& role,
            std::vector<std::pair<std::string, int>> services = {}) {
    incarnations_[name] = incarnations_.size() + 1;
    greet(name, incarnations_[name], role);
    for (const auto& [service, capacity] : services) serve(name, service, capacity);
    inbox_[name].clear();
  }
  void serve(const peer_id& name, const std::string& service, int capacity) {
    envelope r;
    r.type = frame::registration;
    r.svc = service;
    receive(name, r, encode(capacity_body{static_cast<std::uint64_t>(capacity)}));
  }
  call_id ask(const peer_id& from, const std::string& method, std::uint8_t flags = 0,
              std::uint32_t ttl = 0, std::string body = "question") {
    envelope e;
    e.type = frame::request;
    e.flags = flags;
    e.cid = e.mid = {incarnations_[from], ++asked_};
    e.svc = method;
    e.ttl_ms = ttl;
    e.credential = "key";
    e.caller = "who";
    receive(from, e, std::move(body));
    return e.cid;
  }
  void delegate(const peer_id& from, call_id cid, const std::string& method, std::uint8_t hop = 1) {
    envelope e;
    e.type = frame::request;
    e.flags = delegated;
    e.cid = cid;
    e.svc = method;
    e.hop = hop;
    e.caller = "who";
    e.credential = "key";
    receive(from, e, "delegated");
  }
  /// The oldest message to this peer that is not a heartbeat.
  std::optional<frame_to_send> next(const peer_id& to) {
    auto& box = inbox_[to];
    while (!box.empty()) {
      auto f = std::move(box.front());
      box.pop_front();
      if (f.header.type != frame::heartbeat) return f;
    }
    return std::nullopt;
  }
  frame type_to(const peer_id& to) {
    const auto f = next(to);
    return f ? f->header.type : frame{};
  }
  std::optional<error> error_to(const peer_id& to) {
    const auto f = next(to);
    if (!f || f->header.type != frame::error) return std::nullopt;
    auto e = msgpack_codec::decode<error>(bytes_of(f->body));
    return e ? std::optional(*e) : std::nullopt;
  }

  static broker_bounds bounds() {
    broker_bounds b;
    b.queue.calls = 3;
    b.queue.bytes = 1000;
    return b;
  }
  broker_state state_;
  instant now_{1h};
  std::map<peer_id, std::deque<frame_to_send>> inbox_;
  std::map<peer_id, std::uint64_t> incarnations_;
  std::uint64_t asked_ = 0, numbered_ = 0;
};

} // namespace troupe::wire
