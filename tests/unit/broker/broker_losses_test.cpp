// Goal: what a broker does when a peer, a connection or a message is lost. Method: as
// broker_state_test.cpp.
#include "tests/unit/broker/broker_fixture.hpp"

namespace troupe::wire {
namespace {

constexpr frame none{};

TEST_F(broker, a_lost_worker_fails_what_it_held_and_says_what_had_begun) {
  join("w", "prompt", {{"prompt", 4}});
  join("c", "log");
  const auto cid = ask("c", "prompt.chat/v1");
  send("w", frame::partial, cid, "p", 1);
  EXPECT_EQ(type_to("c"), frame::partial);
  happen(peer_gone{"w"});
  EXPECT_FALSE(error_to("c")) << "it may come back";
  pass(500ms);
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::worker_lost);
  EXPECT_EQ(why->started, started_state::yes);
  EXPECT_EQ(state_.counts().peers_lost, 1u);
}

TEST_F(broker, a_lost_worker_without_a_sign_of_life_leaves_it_unknown_whether_it_began) {
  join("w", "prompt", {{"prompt", 4}});
  join("c", "log");
  ask("c", "prompt.chat/v1");
  happen(peer_gone{"w"});
  pass(500ms);
  EXPECT_EQ(error_to("c")->started, started_state::unknown);
}

TEST_F(broker, an_idempotent_request_moves_to_another_worker_at_most_three_times) {
  join("c", "log");
  for (const auto* name : {"w1", "w2", "w3", "w4"}) join(name, "prompt", {{"prompt", 1}});
  ask("c", "prompt.models/v1", idempotent);
  int attempts = 0;
  for (const auto* name : {"w1", "w2", "w3", "w4"})
    if (const auto work = next(name)) {
      EXPECT_EQ(bytes_of(work->body), "question");
      ++attempts;
      happen(peer_gone{name});
    }
  EXPECT_EQ(attempts, 3);
  pass(500ms);
  EXPECT_EQ(error_to("c")->code, errc::worker_lost);
}

TEST_F(broker, what_another_broker_gave_away_counts_and_the_requester_hears_how_many) {
  join("c", "log");
  join("r", "router", {{"router", 4}});
  for (const auto* name : {"w1", "w2", "w3"}) join(name, "prompt", {{"prompt", 1}});
  envelope e;
  e.type = frame::request;
  e.flags = idempotent;
  e.cid = e.mid = {incarnations_["c"], ++asked_};
  e.svc = "router.prompt.models/v1";
  e.seq = 1; // one worker of the other broker may have begun it
  receive("c", e, "question");
  const auto routed = next("r");
  ASSERT_TRUE(routed);
  EXPECT_EQ(routed->header.seq, 0u) << "that is between requester and broker";
  envelope on;
  on.type = frame::request;
  on.flags = delegated | idempotent;
  on.cid = e.cid;
  on.svc = "prompt.models/v1";
  on.hop = 1;
  receive("r", on, "question");
  inbox_["c"].clear();
  int attempts = 0;
  for (const auto* name : {"w1", "w2", "w3"})
    if (next(name)) {
      ++attempts;
      happen(peer_gone{name});
    }
  EXPECT_EQ(attempts, 2);
  pass(500ms);
  std::optional<frame_to_send> last;
  while (auto f = next("c")) last = std::move(f);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->header.type, frame::error);
  EXPECT_EQ(last->header.seq, 3u);
}

TEST_F(broker, an_idempotent_request_with_a_partial_does_not_move) {
  join("c", "log");
  join("w1", "prompt", {{"prompt", 1}});
  join("w2", "prompt", {{"prompt", 1}});
  const auto cid = ask("c", "prompt.models/v1", idempotent);
  send("w1", frame::partial, cid, "p", 1);
  EXPECT_EQ(type_to("c"), frame::partial);
  happen(peer_gone{"w1"});
  pass(500ms);
  EXPECT_EQ(error_to("c")->started, started_state::yes);
  EXPECT_EQ(type_to("w2"), none);
}

TEST_F(broker, a_lost_requester_cancels_its_work) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  const auto running = ask("c", "auth.me/v1");
  ask("c", "auth.me/v1");
  type_to("w");
  send("c", frame::goodbye, {});
  EXPECT_EQ(type_to("w"), frame::cancel);
  EXPECT_EQ(state_.queued(), 0u) << "what waited is forgotten";
  EXPECT_EQ(state_.counts().peers_lost, 0u) << "a goodbye is not a loss";
  send("w", frame::final, running);
  EXPECT_EQ(state_.in_flight(), 0u);
}

TEST_F(broker, the_last_worker_of_a_service_takes_its_queue_along) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  ask("c", "auth.me/v1");
  ask("c", "auth.me/v1");
  happen(peer_gone{"w"});
  EXPECT_EQ(error_to("c")->code, errc::unavailable) << "what waited";
  pass(500ms);
  EXPECT_EQ(error_to("c")->code, errc::worker_lost);
  EXPECT_EQ(state_.in_flight(), 0u);
}

TEST_F(broker, a_silent_peer_is_dead_after_three_heartbeats_and_told_so_when_it_wakes) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  ask("c", "auth.me/v1");
  type_to("w");
  for (int n = 0; n < 8; ++n) {
    now_ += 500ms;
    send("c", frame::heartbeat, {});
    happen(time_passed{});
  }
  EXPECT_EQ(error_to("c")->code, errc::worker_lost);
  EXPECT_EQ(state_.peers(), 1u);
  EXPECT_EQ(type_to("w"), frame::reset) << "it may hear what we do not";
  send("w", frame::heartbeat, {});
  EXPECT_EQ(type_to("w"), frame::reset);
}

TEST_F(broker, any_traffic_is_a_sign_of_life) {
  join("w", "auth", {{"auth", 1}});
  pass(10s);
  EXPECT_EQ(state_.peers(), 1u);
}

TEST_F(broker, a_broker_that_was_frozen_does_not_take_its_peers_for_dead) {
  join("w", "auth", {{"auth", 1}});
  now_ += 60s;
  happen(time_passed{});
  EXPECT_EQ(state_.peers(), 1u);
}

TEST_F(broker, an_ended_connection_makes_it_ask_everybody) {
  join("a", "auth");
  join("b", "auth");
  happen(link_dropped{});
  EXPECT_EQ(type_to("a"), frame::ping);
  EXPECT_EQ(type_to("b"), frame::ping);
}

TEST_F(broker, a_node_that_comes_back_over_a_new_connection_replaces_the_old_one) {
  join("old", "prompt", {{"prompt", 1}});
  join("c", "log");
  ask("c", "prompt.chat/v1");
  envelope e;
  e.type = frame::hello;
  hello_body hello;
  hello.incarnation = incarnations_["old"];
  hello.link = 1;
  receive("new", e, encode(hello));
  EXPECT_EQ(type_to("new"), frame::welcome);
  pass(500ms);
  EXPECT_EQ(error_to("c")->code, errc::worker_lost);
  EXPECT_EQ(state_.peers(), 2u);
}

TEST_F(broker, a_repeated_request_that_finds_nobody_may_have_begun_before) {
  join("edge", "router");
  join("w1", "auth", {{"auth", 1}});
  join("w2", "auth", {{"auth", 1}});
  const auto cid = ask("edge", "auth.me/v1", idempotent);
  const auto first = type_to("w1") == frame::request ? "w1" : "w2";
  const auto second = first == std::string("w1") ? "w2" : "w1";
  ask("edge", "auth.me/v1"); // the other worker is full
  happen(peer_gone{first});
  happen(peer_gone{second});
  bool is_found = false;
  while (const auto f = next("edge")) {
    if (f->header.cid != cid) continue;
    const auto why = msgpack_codec::decode<error>(bytes_of(f->body));
    ASSERT_TRUE(why);
    EXPECT_EQ(why->started, started_state::unknown);
    is_found = true;
  }
  EXPECT_TRUE(is_found);
}

TEST_F(broker, a_cancelled_call_of_a_lost_worker_may_have_begun) {
  join("edge", "router");
  join("w", "auth", {{"auth", 1}});
  const auto cid = ask("edge", "auth.me/v1");
  send("edge", frame::cancel, cid);
  happen(peer_gone{"w"});
  const auto why = error_to("edge");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::cancelled);
  EXPECT_EQ(why->started, started_state::unknown);
}

TEST_F(broker, a_slot_that_nobody_waits_for_is_called_off_until_it_is_free) {
  join("edge", "router");
  join("w", "auth", {{"auth", 1}});
  const auto cid = ask("edge", "auth.me/v1", 0, 1000);
  EXPECT_EQ(type_to("w"), frame::request);
  pass(1s);
  EXPECT_EQ(type_to("w"), frame::cancel);
  pass(3s);
  EXPECT_EQ(type_to("w"), frame::cancel) << "the first may be lost";
  send("w", frame::credit, cid);
  EXPECT_EQ(state_.in_flight(), 0u);
  pass(10s);
  EXPECT_EQ(type_to("w"), none);
}

TEST_F(broker, requests_wait_for_who_follows_the_last_node_of_a_service) {
  join("w", "auth", {{"auth", 4}});
  join("c", "log");
  send("w", frame::drain, {});
  const auto cid = ask("c", "auth.me/v1");
  send("w", frame::goodbye, {});
  pass(4500ms);
  EXPECT_FALSE(next("c"));
  join("w2", "auth");
  serve("w2", "auth", 4);
  EXPECT_EQ(type_to("w2"), frame::registered);
  const auto work = next("w2");
  ASSERT_TRUE(work);
  EXPECT_EQ(work->header.cid, cid);
}

TEST_F(broker, nobody_follows_so_that_the_requests_fail_and_later_ones_do_at_once) {
  join("w", "auth", {{"auth", 4}});
  join("c", "log");
  send("w", frame::goodbye, {}); // a DRAIN before it is not needed
  ask("c", "auth.me/v1");
  pass(6000ms);
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::unavailable);
  EXPECT_EQ(why->started, started_state::no);
  ask("c", "auth.me/v1");
  EXPECT_EQ(error_to("c")->code, errc::unavailable);
}

TEST_F(broker, a_node_that_dies_is_not_waited_for) {
  join("w", "auth", {{"auth", 4}});
  join("c", "log");
  happen(peer_gone{"w"});
  ask("c", "auth.me/v1");
  EXPECT_EQ(error_to("c")->code, errc::unavailable);
}

TEST_F(broker, who_follows_may_greet_once_more) {
  join("w", "auth", {{"auth", 1}});
  join("c", "log");
  send("w", frame::drain, {});
  send("w", frame::goodbye, {});
  join("w2", "auth", {{"auth", 1}});
  ask("c", "auth.me/v1");
  const auto waits = ask("c", "auth.me/v1");
  EXPECT_EQ(type_to("w2"), frame::request);
  happen(peer_gone{"w2"});
  EXPECT_NE(type_to("c"), frame::error);
  inbox_["w3"].clear();
  greet("w3", incarnations_["w2"], "auth");
  serve("w3", "auth", 4);
  EXPECT_EQ(type_to("w3"), frame::welcome);
  EXPECT_EQ(type_to("w3"), frame::registered);
  EXPECT_EQ(next("w3")->header.cid, waits);
}

TEST_F(broker, what_a_leaving_node_gives_back_waits_as_well) {
  join("w", "auth", {{"auth", 4}});
  join("c", "log");
  const auto rejected = ask("c", "auth.me/v1"), dropped = ask("c", "auth.me/v1", idempotent);
  type_to("w");
  send("w", frame::drain, {});
  send("w", frame::reject, rejected);
  send("w", frame::goodbye, {});
  EXPECT_FALSE(next("c"));
  join("w2", "auth");
  serve("w2", "auth", 4);
  EXPECT_EQ(type_to("w2"), frame::registered);
  EXPECT_EQ(next("w2")->header.cid, rejected);
  EXPECT_EQ(next("w2")->header.cid, dropped);
}

} // namespace
} // namespace troupe::wire
