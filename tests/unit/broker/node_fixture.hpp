#pragma once

#include "broker/node_state.hpp"
#include "messages/codec/msgpack.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <iterator>

namespace troupe::wire {

using namespace std::chrono_literals;

/// The pure state machine of a node under virtual time; what it wants sent, answered or done is
/// kept until the next input. Its brokers are numbers: link 1 leads to the broker 101, and so on.
class node : public testing::Test {
protected:
  void feed(node_input in) {
    out_.clear();
    state_.step(now_, std::move(in), out_);
  }
  /// A frame that the broker made itself.
  void broker_says(frame type, call_id cid = {}, std::string body = {}, std::uint64_t seq = 0,
                   std::string svc = {}, link_id over = 1) {
    envelope e;
    e.type = type;
    e.mid = {100 + over, 1};
    e.cid = cid;
    e.seq = seq;
    e.svc = std::move(svc);
    feed(broker_frame{over, std::move(e), std::move(body)});
  }
  /// A frame that the broker passes on, of the worker or the requester `from`.
  void peer_says(std::uint64_t from, frame type, call_id cid, std::string body = {},
                 std::uint64_t seq = 0, link_id over = 1, std::string svc = {}) {
    envelope e;
    e.type = type;
    e.svc = std::move(svc);
    e.mid = {from, 1};
    e.cid = cid;
    e.seq = seq;
    feed(broker_frame{over, std::move(e), std::move(body)});
  }
  void link(link_id over = 1) {
    feed(link_up{over, "tcp://127.0.0.1:" + std::to_string(7700 + over)});
    broker_says(frame::welcome, {}, {}, 0, {}, over);
    broker_says(frame::registered, {}, {}, 0, "auth", over);
    out_.clear();
  }
  /// Hearts beat on both sides until then.
  void pass(std::chrono::milliseconds span, std::vector<link_id> alive = {1}) {
    std::vector<node_output> all;
    for (const auto end = now_ + span; now_ < end;) {
      now_ = std::min(end, now_ + 50ms);
      for (const auto over : alive) {
        broker_says(frame::heartbeat, {}, {}, 0, {}, over);
        std::ranges::move(out_, std::back_inserter(all));
      }
      feed(time_passed{});
      std::ranges::move(out_, std::back_inserter(all));
    }
    out_ = std::move(all);
  }
  static bus_request request(std::uint64_t n, instant deadline, bool idempotent = false) {
    bus_request r;
    r.method = "auth.me/v1";
    r.cid = {7, n};
    r.deadline = deadline;
    r.idempotent = idempotent;
    return r;
  }
  void work(std::uint64_t n) { broker_says(frame::request, {50, n}, "body", 0, "auth.me/v1"); }

  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const auto& o : out_)
      if (const auto* one = std::get_if<T>(&o)) found.push_back(*one);
    return found;
  }
  std::vector<frame> sent() const {
    std::vector<frame> types;
    for (const auto& f : all<frame_to_broker>()) types.push_back(f.header.type);
    return types;
  }
  /// Those of one type.
  std::vector<frame_to_broker> sent(frame type) const {
    auto some = all<frame_to_broker>();
    std::erase_if(some, [&](const frame_to_broker& f) { return f.header.type != type; });
    return some;
  }
  std::vector<error> failures() const {
    std::vector<error> whys;
    for (const auto& a : all<bus_answer>())
      if (const auto* f = std::get_if<bus_failed>(&a)) whys.push_back(f->why);
    return whys;
  }

  instant now_{1h};
  node_state state_{{"n", 7, 8, {"auth"}, {{"auth", 6}}}};
  std::vector<node_output> out_;
};

/// With two links.
class linked_node : public node {
protected:
  linked_node() {
    link(1);
    link(2);
  }
  /// Asks until the request goes over `over`.
  call_id ask_over(link_id over, bool is_idempotent = false) {
    for (;;) {
      feed(request(++asked_, now_ + 60s, is_idempotent));
      if (all<frame_to_broker>().at(0).over == over) return {7, asked_};
    }
  }
  std::vector<std::uint64_t> partials() const {
    std::vector<std::uint64_t> seqs;
    for (const auto& a : all<bus_answer>())
      if (const auto* p = std::get_if<bus_partial>(&a)) seqs.push_back(p->seq);
    return seqs;
  }
  /// Takes the broker away; what the other one is told about its share is left out.
  void lose(link_id link) {
    feed(link_down{link});
    std::erase_if(out_, [](const node_output& o) {
      const auto* f = std::get_if<frame_to_broker>(&o);
      return f != nullptr && f->header.type == frame::registration;
    });
  }
  void serve(const call_id& cid, link_id over = 1, std::uint8_t flags = 0) {
    envelope e;
    e.type = frame::request;
    e.cid = cid;
    e.mid = {100 + over, 9};
    e.flags = flags;
    e.svc = "auth.me/v1";
    feed(broker_frame{over, std::move(e), "body"});
  }
  std::uint64_t asked_ = 0;
};

using frames = std::vector<frame>;

} // namespace troupe::wire
