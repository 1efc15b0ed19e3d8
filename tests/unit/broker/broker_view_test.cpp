// Goal: a broker shows how it stands: its nodes, services, credit, queues, drops. Method: the pure
// state machine is brought into a known state under virtual time, and looked at.
#include "broker/broker_view.hpp"
#include "tests/unit/broker/broker_fixture.hpp"

#include <algorithm>

namespace troupe::wire {
namespace {

class view_of_a_broker : public broker {
protected:
  using broker::broker;
  node_view node(const std::string& name) {
    const auto all = state_.view().nodes;
    const auto at = std::ranges::find(all, name, &node_view::name);
    return at == all.end() ? node_view{} : *at;
  }
  service_load load(const std::string& name) {
    const auto all = state_.view().services;
    const auto at = std::ranges::find(all, name, &service_load::name);
    return at == all.end() ? service_load{} : *at;
  }
  std::uint64_t dropped(const std::string& reason) {
    const auto all = state_.view().broker.dropped;
    const auto at = std::ranges::find(all, reason, &reason_count::reason);
    return at == all.end() ? 0 : at->count;
  }
  /// The view that comes back over the wire.
  std::optional<broker_report> asked_by(const peer_id& peer) {
    send(peer, frame::stats, {incarnations_[peer], 1ull << 63});
    const auto f = next(peer);
    if (!f || f->header.type != frame::stats) return std::nullopt;
    EXPECT_EQ(f->header.cid.counter, 1ull << 63);
    auto report = msgpack_codec::decode<broker_report>(bytes_of(f->body));
    return report ? std::optional(*report) : std::nullopt;
  }
};

TEST_F(view_of_a_broker, says_who_it_is_and_for_how_long) {
  state_.introduce("broker", "tcp://127.0.0.1:7700");
  happen(time_passed{});
  pass(2500ms);
  const auto own = state_.view().broker;
  EXPECT_EQ(own.name, "broker");
  EXPECT_EQ(own.address, "tcp://127.0.0.1:7700");
  EXPECT_EQ(own.instance, "0000000000000063");
  EXPECT_EQ(own.uptime_ms, 2500u);
  EXPECT_TRUE(own.answered);
  EXPECT_FALSE(own.draining);
  happen(drain_started{});
  EXPECT_TRUE(state_.view().broker.draining);
}

TEST_F(view_of_a_broker, counts_credit_what_is_in_hand_what_waits_and_what_streams) {
  join("w", "auth", {{"auth", 2}, {"keys", 3}});
  join("c", "prompt");
  const auto first = ask("c", "auth.me/v1");
  ask("c", "auth.me/v1");
  ask("c", "auth.me/v1");
  EXPECT_EQ(load("auth").workers, 1u);
  EXPECT_EQ(load("auth").credit, 2u);
  EXPECT_EQ(load("auth").in_flight, 2u);
  EXPECT_EQ(load("auth").waiting, (waiting_counts{.normal = 1}));
  EXPECT_EQ(load("auth").requests, 3u);
  EXPECT_EQ(state_.view().broker.requests, 3u);
  EXPECT_EQ(load("keys").credit, 3u);
  EXPECT_EQ(load("keys").requests, 0u);
  EXPECT_EQ(load("keys").in_flight, 0u);
  EXPECT_EQ(node("w").credit, 5u);
  EXPECT_EQ(node("w").in_flight, 2u);
  EXPECT_EQ(node("w").asked, 0u);
  EXPECT_EQ(node("w").services, (std::vector<std::string>{"auth", "keys"}));
  EXPECT_EQ(node("c").asked, 3u);
  EXPECT_EQ(state_.view().broker.in_flight, 3u);
  EXPECT_EQ(state_.view().broker.waiting, 1u);
  pass(1500ms);
  EXPECT_EQ(load("auth").oldest_ms, 1500u);
  send("w", frame::partial, first, "p", 1);
  send("w", frame::partial, first, "p", 2);
  EXPECT_EQ(node("w").streams, 1u);
  EXPECT_EQ(state_.view().broker.streams, 1u);
  send("w", frame::final, first, "all", 2);
  EXPECT_EQ(node("w").streams, 0u);
  EXPECT_EQ(state_.view().broker.streams, 0u);
  EXPECT_EQ(load("auth").waiting, waiting_counts{}) << "its turn has come";
  EXPECT_EQ(load("auth").oldest_ms, 0u);
}

TEST_F(view_of_a_broker, counts_what_waits_by_priority) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  ask("c", "auth.me/v1");
  for (const std::uint8_t priority : {0, 1, 3}) {
    envelope e;
    e.type = frame::request;
    e.cid = e.mid = {incarnations_["c"], 100u + priority};
    e.svc = "auth.me/v1";
    e.priority = priority;
    receive("c", e);
  }
  EXPECT_EQ(load("auth").waiting, (waiting_counts{.control = 1, .interactive = 1, .batch = 1}));
}

TEST_F(view_of_a_broker, streams_that_end_otherwise_are_not_counted_for_ever) {
  join("w", "auth", {{"auth", 2}});
  join("c", "prompt");
  const auto cid = ask("c", "auth.me/v1");
  send("w", frame::partial, cid, "p", 1);
  ASSERT_EQ(state_.streams(), 1u);
  happen(peer_gone{"w"});
  pass(1s);
  EXPECT_EQ(state_.in_flight(), 0u);
  EXPECT_EQ(state_.streams(), 0u);
}

TEST_F(view_of_a_broker, says_who_is_silent_who_hangs_and_who_leaves) {
  join("w", "auth", {{"auth", 2}});
  send("w", frame::heartbeat, {}, encode(heartbeat_body{.brokers = {}, .stuck_ms = 6000}));
  EXPECT_EQ(node("w").stuck_ms, 6000u);
  EXPECT_FALSE(node("w").draining);
  pass(1500ms, false);
  EXPECT_EQ(node("w").heard_ms, 1500u);
  send("w", frame::drain, {});
  EXPECT_EQ(node("w").heard_ms, 0u);
  EXPECT_TRUE(node("w").draining);
}

TEST_F(view_of_a_broker, counts_drops_by_reason_and_dead_letters) {
  join("w", "auth", {{"auth", 2}});
  join("c", "prompt");
  send("stranger", frame::heartbeat, {});
  send("w", frame::final, {77, 1});
  send("c", frame::final, ask("c", "auth.me/v1"));
  send("c", static_cast<frame>(25), {});
  state_.count_malformed();
  happen(peer_gone{"nobody"});
  happen(peer_gone{"slow", true});
  EXPECT_EQ(dropped("unknown_peer"), 1u);
  EXPECT_EQ(dropped("unknown_call"), 1u);
  EXPECT_EQ(dropped("not_yours"), 1u);
  EXPECT_EQ(dropped("malformed"), 2u);
  EXPECT_EQ(dropped("peer_gone"), 1u);
  EXPECT_EQ(dropped("high_water"), 1u);
  EXPECT_EQ(state_.view().broker.dead_letters, 0u);
  const auto cid = ask("c", "auth.me/v1");
  happen(peer_gone{"c"});
  send("w", frame::final, cid, "too late");
  EXPECT_EQ(state_.view().broker.dead_letters, 1u);
}

TEST_F(view_of_a_broker, counts_requests_that_a_full_queue_refuses_or_gives_up_for_better_ones) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  for (int n = 0; n < 4; ++n) ask("c", "auth.me/v1"); // one at work, three wait
  EXPECT_EQ(dropped("overloaded"), 0u);
  ask("c", "auth.me/v1");
  EXPECT_EQ(error_to("c")->code, errc::overloaded);
  EXPECT_EQ(dropped("overloaded"), 1u);
  envelope urgent;
  urgent.type = frame::request;
  urgent.cid = urgent.mid = {incarnations_["c"], 100};
  urgent.svc = "auth.me/v1";
  urgent.priority = 0;
  receive("c", urgent);
  const auto gone = next("c");
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->header.type, frame::error);
  EXPECT_NE(gone->header.cid, urgent.cid);
  EXPECT_EQ(dropped("overloaded"), 2u);
}

TEST_F(view_of_a_broker, counts_requests_whose_deadline_passes_in_the_queue_and_no_others) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  ask("c", "auth.me/v1", 0, 300);
  ask("c", "auth.me/v1", 0, 300);
  pass(500ms);
  EXPECT_EQ(error_to("c")->code, errc::deadline_exceeded);
  EXPECT_EQ(error_to("c")->code, errc::deadline_exceeded);
  EXPECT_EQ(dropped("deadline_exceeded"), 1u) << "the other one was at work";
}

class view_of_a_small_broker : public view_of_a_broker {
protected:
  view_of_a_small_broker() : view_of_a_broker(small()) {}
  static broker_bounds small() {
    broker_bounds b;
    b.calls = 3;
    b.queue.calls_of_a_caller = 1;
    return b;
  }
};

TEST_F(view_of_a_small_broker, counts_requests_past_its_calls_and_past_what_may_wait_of_a_caller) {
  join("r", "router", {{"router", 1}});
  join("e", "edge");
  join("other", "edge");
  ask("e", "auth.me/v1");
  ask("e", "auth.me/v1");
  EXPECT_EQ(dropped("rate_limited"), 0u);
  ask("e", "auth.me/v1");
  EXPECT_EQ(error_to("e")->code, errc::rate_limited);
  EXPECT_EQ(dropped("rate_limited"), 1u);
  ask("other", "auth.me/v1");
  EXPECT_EQ(dropped("overloaded"), 0u);
  ask("other", "auth.me/v1");
  EXPECT_EQ(error_to("other")->code, errc::overloaded);
  EXPECT_EQ(dropped("overloaded"), 1u);
}

TEST_F(view_of_a_broker, counts_requests_whose_only_node_has_too_much_to_do) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  ask("c", "auth.me/v1");
  envelope e;
  e.type = frame::request;
  e.cid = e.mid = {incarnations_["c"], 100};
  e.svc = "auth.me/v1";
  e.to = incarnations_["w"];
  receive("c", e);
  EXPECT_EQ(error_to("c")->code, errc::overloaded);
  EXPECT_EQ(dropped("overloaded"), 1u);
}

TEST_F(view_of_a_broker, is_bounded_and_says_how_many_more_there_are) {
  for (int n = 0; n < 1011; ++n) // one gets the broker's own incarnation, and is refused
    join("n" + std::to_string(n), "edge");
  const auto all = state_.view();
  EXPECT_EQ(all.nodes.size(), view_nodes_max);
  EXPECT_EQ(all.more_nodes, 10u);
  EXPECT_EQ(all.broker.nodes, 1010u);
  EXPECT_TRUE(std::ranges::is_sorted(all.nodes, {}, &node_view::name));
}

TEST_F(view_of_a_broker, what_peers_say_of_themselves_is_cut_and_made_readable) {
  join("\x01\xFF" + std::string(100, 'x'), "ro\nle");
  const auto all = state_.view().nodes;
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "??" + std::string(62, 'x'));
  EXPECT_EQ(all[0].roles, (std::vector<std::string>{"ro?le"}));
}

TEST_F(view_of_a_broker, is_sent_to_whoever_is_linked_and_asks) {
  join("w", "auth", {{"auth", 2}});
  join("c", "edge");
  const auto all = asked_by("c");
  ASSERT_TRUE(all);
  EXPECT_EQ(*all, state_.view());
  EXPECT_EQ(all->nodes.size(), 2u);
}

TEST_F(view_of_a_broker, is_made_once_for_all_that_ask_within_a_fifth_of_a_second) {
  join("c", "edge");
  ASSERT_EQ(asked_by("c")->nodes.size(), 1u);
  join("w", "auth", {{"auth", 2}});
  EXPECT_EQ(asked_by("c")->nodes.size(), 1u);
  pass(200ms);
  EXPECT_EQ(asked_by("c")->nodes.size(), 2u);
}

TEST_F(view_of_a_broker, lasts_longer_when_it_is_long_to_make) {
  join("w", "auth", {{"auth", 10'000}});
  join("c", "prompt");
  for (int n = 0; n < 5000; ++n) ask("c", "auth.me/v1");
  ASSERT_EQ(asked_by("c")->nodes.size(), 2u);
  join("late", "edge");
  pass(240ms);
  EXPECT_EQ(asked_by("c")->nodes.size(), 2u);
  pass(10ms);
  EXPECT_EQ(asked_by("c")->nodes.size(), 3u);
}

} // namespace
} // namespace troupe::wire
