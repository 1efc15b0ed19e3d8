// Goal: each rule of the broker, one by one. Method: the pure state machine under a driver with
// virtual time; peers are names, and what is sent to each is kept until a test takes it.
#include "tests/unit/broker/broker_fixture.hpp"

namespace troupe::wire {
namespace {

constexpr frame none{};

using namespace std::chrono_literals;

TEST_F(broker, a_peer_that_said_no_hello_is_told_to_start_anew) {
  send("stranger", frame::heartbeat, {});
  EXPECT_EQ(type_to("stranger"), frame::reset);
  EXPECT_EQ(state_.counts().unknown_peer, 1u);
}

TEST_F(broker, a_hello_is_welcomed_and_a_registration_confirmed) {
  envelope e;
  e.type = frame::hello;
  hello_body hello;
  hello.incarnation = 5;
  receive("a", e, encode(hello));
  EXPECT_EQ(type_to("a"), frame::welcome);
  e.type = frame::registration;
  e.svc = "auth";
  receive("a", e, encode(capacity_body{2}));
  const auto f = next("a");
  ASSERT_TRUE(f);
  EXPECT_EQ(f->header.type, frame::registered);
  EXPECT_EQ(f->header.svc, "auth");
}

TEST_F(broker, a_peer_of_another_version_is_refused) {
  envelope e;
  e.type = frame::hello;
  hello_body hello;
  hello.incarnation = 5;
  hello.ver_min = 2;
  hello.ver_max = 3;
  receive("a", e, encode(hello));
  EXPECT_EQ(error_to("a")->code, errc::version);
  EXPECT_EQ(state_.peers(), 0u);
}

TEST_F(broker, a_request_goes_to_the_service_in_its_method_and_its_answer_back) {
  join("w", "auth", {{"auth", 2}});
  join("c", "prompt");
  const auto cid = ask("c", "auth.me/v1");
  const auto work = next("w");
  ASSERT_TRUE(work);
  EXPECT_EQ(work->header.svc, "auth.me/v1");
  EXPECT_EQ(work->header.cid, cid);
  EXPECT_EQ(work->header.hop, 1);
  EXPECT_EQ(bytes_of(work->body), "question");
  send("w", frame::partial, cid, "p", 1);
  send("w", frame::final, cid, "answer");
  EXPECT_EQ(next("c")->header.seq, 1u);
  EXPECT_EQ(bytes_of(next("c")->body), "answer");
  EXPECT_EQ(state_.in_flight(), 0u);
}

TEST_F(broker, an_edge_reaches_the_routers_whatever_it_names) {
  join("w", "prompt", {{"prompt", 2}});
  join("r", "router", {{"router", 2}});
  join("e", "edge");
  ask("e", "prompt.chat/v1");
  EXPECT_EQ(type_to("w"), none);
  EXPECT_EQ(next("r")->header.svc, "prompt.chat/v1");
}

TEST_F(broker, addresses_of_one_subscriber_are_one_caller) {
  join("r", "router", {{"router", 1}});
  join("e", "edge");
  std::vector<call_id> asked;
  for (const auto* address :
       {"192.0.2.1", "2001:db8:1:2::1", "2001:db8:1:2:ffff::1", "2001:db8:1:3::1"}) {
    envelope e;
    e.type = frame::request;
    e.cid = {incarnations_["e"], ++asked_};
    e.svc = "router.prompt.chat/v1";
    e.client_address = address;
    asked.push_back(e.cid);
    receive("e", e, "question");
  }
  for (const auto n : {0, 1, 3, 2}) {
    const auto work = next("r");
    ASSERT_TRUE(work);
    EXPECT_EQ(work->header.cid, asked[static_cast<std::size_t>(n)]) << "they take turns";
    send("r", frame::final, work->header.cid);
  }
}

TEST_F(broker, only_a_service_may_say_who_the_caller_is) {
  join("r", "router", {{"router", 2}});
  join("w", "auth", {{"auth", 2}});
  join("e", "edge");
  ask("e", "router.auth.me/v1");
  EXPECT_EQ(next("r")->header.caller, "");
  ask("r", "auth.me/v1");
  EXPECT_EQ(next("w")->header.caller, "who");
}

TEST_F(broker, a_credential_goes_to_routers_only) {
  join("r", "router", {{"router", 2}});
  join("w", "auth", {{"auth", 2}});
  join("e", "edge");
  ask("e", "auth.me/v1");
  EXPECT_EQ(next("r")->header.credential, "key");
  ask("r", "auth.me/v1");
  EXPECT_EQ(next("w")->header.credential, "");
}

TEST_F(broker, nobody_registered_is_unavailable_at_once_and_named) {
  join("c", "prompt");
  ask("c", "auth.me/v1");
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::unavailable);
  EXPECT_EQ(why->started, started_state::no);
  EXPECT_NE(why->message.find("auth"), std::string::npos);
  EXPECT_EQ(state_.in_flight(), 0u);
}

TEST_F(broker, the_worker_with_the_least_in_hand_for_its_capacity_is_chosen) {
  join("small", "auth", {{"auth", 2}});
  join("large", "auth", {{"auth", 6}});
  join("c", "prompt");
  std::map<peer_id, int> got;
  for (int n = 0; n < 8; ++n) ask("c", "auth.me/v1");
  while (type_to("small") == frame::request) ++got["small"];
  while (type_to("large") == frame::request) ++got["large"];
  EXPECT_EQ(got["small"], 2);
  EXPECT_EQ(got["large"], 6);
}

TEST_F(broker, among_equals_the_longest_unused_worker_is_chosen) {
  join("a", "auth", {{"auth", 4}});
  join("b", "auth", {{"auth", 4}});
  join("c", "prompt");
  for (int n = 0; n < 4; ++n) {
    const auto cid = ask("c", "auth.me/v1");
    const peer_id expected = n % 2 == 0 ? "a" : "b";
    EXPECT_EQ(type_to(expected), frame::request) << n;
    send(expected, frame::final, cid);
  }
}

TEST_F(broker, requests_past_the_capacity_wait_and_are_served_in_order) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  const auto first = ask("c", "auth.me/v1"), second = ask("c", "auth.me/v1"),
             third = ask("c", "auth.me/v1");
  EXPECT_EQ(next("w")->header.cid, first);
  EXPECT_EQ(type_to("w"), none);
  EXPECT_EQ(state_.queued(), 2u);
  send("w", frame::final, first);
  EXPECT_EQ(next("w")->header.cid, second);
  send("w", frame::error, second, msgpack_codec::encode(make_error(errc::internal, "x")));
  EXPECT_EQ(next("w")->header.cid, third);
  EXPECT_EQ(state_.queued(), 0u);
}

TEST_F(broker, a_full_queue_refuses_with_a_time_to_come_back) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  for (int n = 0; n < 4; ++n) ask("c", "auth.me/v1");
  EXPECT_EQ(type_to("c"), none);
  ask("c", "auth.me/v1");
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::overloaded);
  EXPECT_GT(why->retry_after_ms, 0u);
}

TEST_F(broker, a_queue_is_bounded_by_bytes_too) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  ask("c", "auth.me/v1");
  ask("c", "auth.me/v1", 0, 0, std::string(900, 'x'));
  ask("c", "auth.me/v1", 0, 0, std::string(200, 'x'));
  EXPECT_EQ(error_to("c")->code, errc::overloaded);
}

TEST_F(broker, a_delegated_request_frees_its_slot_and_its_answers_go_to_the_first_requester) {
  join("r", "router", {{"router", 1}});
  join("w", "prompt", {{"prompt", 4}});
  join("e", "edge");
  const auto cid = ask("e", "prompt.chat/v1"), waiting = ask("e", "prompt.chat/v1");
  EXPECT_EQ(next("r")->header.cid, cid);
  delegate("r", cid, "prompt.chat/v1");
  EXPECT_EQ(next("r")->header.cid, waiting) << "the slot is free";
  const auto work = next("w");
  ASSERT_TRUE(work);
  EXPECT_EQ(work->header.cid, cid);
  EXPECT_EQ(work->header.hop, 2);
  EXPECT_EQ(work->header.caller, "who");
  EXPECT_EQ(work->header.credential, "");
  EXPECT_EQ(bytes_of(work->body), "delegated");
  send("r", frame::final, cid, "late");
  EXPECT_EQ(type_to("e"), none) << "the router has no part in it any more";
  send("w", frame::final, cid, "answer");
  EXPECT_EQ(bytes_of(next("e")->body), "answer");
}

TEST_F(broker, a_request_cannot_be_delegated_for_ever) {
  join("r", "router", {{"router", 1}});
  join("e", "edge");
  const auto cid = ask("e", "prompt.chat/v1");
  delegate("r", cid, "router.prompt.chat/v1", hops_max);
  EXPECT_EQ(error_to("e")->code, errc::internal);
}

TEST_F(broker, a_call_cancelled_while_it_moved_is_not_handed_on) {
  join("r", "router", {{"router", 1}});
  join("w", "prompt", {{"prompt", 4}});
  join("e", "edge");
  const auto cid = ask("e", "prompt.chat/v1");
  send("e", frame::cancel, cid);
  delegate("r", cid, "prompt.chat/v1");
  EXPECT_EQ(type_to("w"), none);
  EXPECT_EQ(error_to("e")->code, errc::cancelled);
}

TEST_F(broker, windows_and_cancels_follow_the_call) {
  join("r", "router", {{"router", 1}});
  join("w", "prompt", {{"prompt", 4}});
  join("e", "edge");
  join("other", "edge");
  const auto cid = ask("e", "prompt.chat/v1");
  delegate("r", cid, "prompt.chat/v1");
  EXPECT_EQ(type_to("w"), frame::request);
  send("e", frame::window, cid, encode(window_body{1, 2, 3}));
  EXPECT_EQ(type_to("w"), frame::window);
  send("r", frame::cancel, cid);
  EXPECT_EQ(type_to("w"), frame::cancel) << "the one who delegated passes a cancel on";
  send("other", frame::cancel, cid);
  EXPECT_EQ(type_to("w"), none);
  EXPECT_EQ(state_.counts().not_yours, 1u);
}

TEST_F(broker, a_cancelled_request_that_waits_is_answered_at_once) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  ask("c", "auth.me/v1");
  const auto waiting = ask("c", "auth.me/v1");
  send("c", frame::cancel, waiting);
  EXPECT_EQ(error_to("c")->code, errc::cancelled);
  EXPECT_EQ(state_.queued(), 0u);
}

TEST_F(broker, a_deadline_is_answered_and_the_worker_cancelled_but_its_slot_kept_until_it_ends) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  const auto cid = ask("c", "auth.me/v1", 0, 300);
  type_to("w");
  now_ += 200ms;
  happen(time_passed{});
  EXPECT_EQ(type_to("c"), none);
  EXPECT_EQ(state_.due(), now_ + 100ms);
  now_ += 100ms;
  happen(time_passed{});
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::deadline_exceeded);
  EXPECT_EQ(why->started, started_state::unknown);
  EXPECT_EQ(type_to("w"), frame::cancel);
  const auto second = ask("c", "auth.me/v1");
  EXPECT_EQ(type_to("w"), none);
  send("w", frame::final, cid, "late");
  EXPECT_EQ(type_to("c"), none);
  EXPECT_EQ(state_.counts().undeliverable, 1u);
  EXPECT_EQ(next("w")->header.cid, second);
}

TEST_F(broker, the_time_that_a_request_waits_is_taken_from_its_deadline) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  const auto first = ask("c", "auth.me/v1");
  ask("c", "auth.me/v1", 0, 1000);
  type_to("w");
  pass(400ms);
  send("w", frame::final, first);
  EXPECT_EQ(next("w")->header.ttl_ms, 600u);
}

TEST_F(broker, a_deadline_in_the_queue_says_that_nothing_began) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  ask("c", "auth.me/v1");
  ask("c", "auth.me/v1", 0, 300);
  pass(500ms);
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::deadline_exceeded);
  EXPECT_EQ(why->started, started_state::no);
}

TEST_F(broker, a_rejected_request_goes_to_another_worker) {
  join("w1", "auth", {{"auth", 1}});
  join("w2", "auth", {{"auth", 1}});
  join("c", "prompt");
  const auto cid = ask("c", "auth.login/v1");
  EXPECT_EQ(type_to("w1"), frame::request);
  send("w1", frame::reject, cid, msgpack_codec::encode(make_error(errc::draining, "x")));
  EXPECT_EQ(next("w2")->header.cid, cid);
}

TEST_F(broker, a_request_that_everybody_rejects_is_unavailable) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  const auto cid = ask("c", "auth.login/v1");
  send("w", frame::reject, cid);
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::unavailable);
  EXPECT_EQ(why->started, started_state::no);
}

TEST_F(broker, a_call_given_back_unanswered_fails) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  const auto cid = ask("c", "auth.me/v1");
  send("w", frame::credit, cid);
  EXPECT_EQ(error_to("c")->code, errc::internal);
  EXPECT_EQ(state_.in_flight(), 0u);
}

TEST_F(broker, more_capacity_is_used_at_once) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  ask("c", "auth.me/v1");
  ask("c", "auth.me/v1");
  type_to("w");
  envelope e;
  e.type = frame::credit;
  e.svc = "auth";
  receive("w", e, encode(capacity_body{2}));
  EXPECT_EQ(type_to("w"), frame::registered);
  EXPECT_EQ(type_to("w"), frame::request);
}

TEST_F(broker, a_draining_node_gets_no_new_work) {
  join("w1", "auth", {{"auth", 4}});
  join("w2", "auth", {{"auth", 4}});
  join("c", "prompt");
  send("w1", frame::drain, {});
  for (int n = 0; n < 3; ++n) ask("c", "auth.me/v1");
  EXPECT_EQ(type_to("w1"), none);
  EXPECT_EQ(type_to("w2"), frame::request);
}

TEST_F(broker, a_draining_broker_refuses_edges_but_serves_what_runs) {
  join("r", "router", {{"router", 4}});
  join("w", "prompt", {{"prompt", 4}});
  join("e", "edge");
  const auto cid = ask("e", "prompt.chat/v1");
  happen(drain_started{});
  EXPECT_EQ(type_to("e"), frame::drain);
  ask("e", "prompt.chat/v1");
  EXPECT_EQ(error_to("e")->code, errc::draining);
  delegate("r", cid, "prompt.chat/v1");
  EXPECT_EQ(type_to("w"), frame::drain);
  EXPECT_EQ(type_to("w"), frame::request);
}

TEST_F(broker, a_call_id_of_another_node_is_refused) {
  join("w", "auth", {{"auth", 1}});
  join("c", "prompt");
  envelope e;
  e.type = frame::request;
  e.cid = {12345, 1};
  e.svc = "auth.me/v1";
  receive("c", e);
  EXPECT_EQ(error_to("c")->code, errc::forbidden);
  EXPECT_EQ(type_to("w"), none);
}

TEST_F(broker, an_answer_by_someone_else_is_dropped) {
  join("w", "auth", {{"auth", 1}});
  join("x", "auth");
  join("c", "prompt");
  const auto cid = ask("c", "auth.me/v1");
  send("x", frame::final, cid, "forged");
  EXPECT_EQ(type_to("c"), none);
  EXPECT_EQ(state_.counts().not_yours, 1u);
}

TEST_F(broker, the_same_request_twice_runs_once) {
  join("w", "auth", {{"auth", 4}});
  join("c", "prompt");
  const auto cid = ask("c", "auth.me/v1");
  --asked_;
  EXPECT_EQ(ask("c", "auth.me/v1"), cid);
  EXPECT_EQ(type_to("w"), frame::request);
  EXPECT_EQ(type_to("w"), none);
}

TEST_F(broker, an_unknown_frame_is_skipped_unless_it_is_critical) {
  join("a", "auth");
  send("a", static_cast<frame>(200), {});
  EXPECT_EQ(type_to("a"), none);
  envelope e;
  e.type = static_cast<frame>(200);
  e.flags = critical;
  receive("a", e);
  EXPECT_EQ(error_to("a")->code, errc::version);
}

TEST_F(broker, a_goodbye_is_answered_so_that_its_sender_knows_all_arrived) {
  join("a", "auth");
  send("a", frame::goodbye, {});
  EXPECT_EQ(type_to("a"), frame::goodbye);
  EXPECT_EQ(state_.peers(), 0u);
}

} // namespace
} // namespace troupe::wire
