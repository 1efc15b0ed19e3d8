// Goal: calls that come from another broker, go to one, or come back: the worker and the requester
// are found by their incarnations. Method: as broker_state_test.cpp.
#include "tests/unit/broker/broker_fixture.hpp"

namespace troupe::wire {
namespace {

constexpr frame none{};

class moving : public broker {
protected:
  moving() {
    join("w", "prompt", {{"prompt", 2}});
    join("c", "log");
  }
  void accept(const peer_id& from, const call_id& cid, std::uint32_t ttl = 0,
              std::string method = "prompt.chat/v1") {
    envelope e;
    e.type = frame::accept;
    e.cid = cid;
    e.svc = std::move(method);
    e.ttl_ms = ttl;
    e.seq = 1;
    receive(from, e);
  }
  void signal(const peer_id& from, frame type, const call_id& cid, const peer_id& to) {
    envelope e;
    e.type = type;
    e.cid = cid;
    e.to = incarnations_[to];
    receive(from, e);
  }
  /// The same process over a new connection.
  void come_back(const peer_id& as, const peer_id& name, const std::string& role,
                 std::uint64_t link = 1) {
    const auto incarnation = incarnations_[name];
    greet(as, incarnation, role, link);
    incarnations_[as] = incarnation;
    EXPECT_EQ(type_to(as), frame::welcome);
    if (role == "prompt") offer_prompt(as);
  }
  void offer_prompt(const peer_id& as) {
    serve(as, "prompt", 2);
    EXPECT_EQ(type_to(as), frame::registered);
  }
  /// The same request over a new connection.
  void ask_again(const peer_id& from, const call_id& cid) {
    envelope e;
    e.type = frame::request;
    e.flags = idempotent;
    e.cid = cid;
    e.svc = "prompt.models/v1";
    receive(from, e, "question");
  }
  call_id elsewhere() { return {incarnations_["c"], 77}; } ///< asked through another broker
};

TEST_F(moving, a_call_of_another_broker_is_taken_in_with_its_slot_and_deadline) {
  accept("w", elsewhere(), 1000);
  EXPECT_EQ(type_to("c"), frame::accept);
  EXPECT_EQ(state_.in_flight(), 1u);
  send("w", frame::partial, elsewhere(), "p", 5);
  EXPECT_EQ(type_to("c"), frame::partial);
  ask("c", "prompt.chat/v1");
  ask("c", "prompt.chat/v1");
  EXPECT_EQ(state_.queued(), 1u) << "one of two slots is taken";
  now_ += 1s;
  happen(time_passed{});
  EXPECT_EQ(error_to("c")->code, errc::deadline_exceeded);
}

TEST_F(moving, its_end_frees_the_slot) {
  accept("w", elsewhere());
  type_to("c");
  send("w", frame::final, elsewhere(), "end");
  EXPECT_EQ(type_to("c"), frame::final);
  EXPECT_EQ(state_.in_flight(), 0u);
}

TEST_F(moving, a_call_whose_requester_is_not_here_is_sent_back) {
  accept("w", {12345, 1});
  EXPECT_EQ(type_to("w"), frame::reject);
  EXPECT_EQ(state_.in_flight(), 0u);
}

TEST_F(moving, only_a_service_may_bring_a_call) {
  join("edge", "edge");
  accept("edge", elsewhere());
  EXPECT_EQ(type_to("edge"), frame::reject);
  EXPECT_EQ(type_to("c"), none);
}

TEST_F(moving, a_requester_reaches_a_worker_that_this_broker_does_not_know_as_its) {
  signal("c", frame::window, elsewhere(), "w");
  EXPECT_EQ(type_to("w"), frame::window);
  signal("c", frame::cancel, elsewhere(), "w");
  EXPECT_EQ(type_to("w"), frame::cancel);
  EXPECT_EQ(state_.in_flight(), 0u);
}

TEST_F(moving, a_requester_that_does_not_know_its_worker_asks_all_of_the_service) {
  join("w2", "prompt", {{"prompt", 1}});
  join("a", "auth", {{"auth", 1}});
  envelope e;
  e.type = frame::window;
  e.cid = elsewhere();
  e.svc = "router.prompt.chat/v1";
  receive("c", e, encode(window_body{0, 0, 0, true}));
  EXPECT_EQ(type_to("w"), frame::window);
  EXPECT_EQ(type_to("w2"), frame::window);
  EXPECT_EQ(type_to("a"), none);
}

TEST_F(moving, nobody_else_does) {
  join("other", "log");
  signal("other", frame::cancel, elsewhere(), "w");
  EXPECT_EQ(type_to("w"), none);
  EXPECT_EQ(state_.counts().unknown_call, 1u);
}

TEST_F(moving, a_call_that_goes_on_elsewhere_is_forgotten_without_a_word) {
  const auto cid = ask("c", "prompt.chat/v1");
  type_to("w");
  envelope e;
  e.type = frame::credit;
  e.cid = cid;
  e.flags = moved;
  receive("w", e);
  EXPECT_EQ(type_to("c"), none);
  EXPECT_EQ(state_.in_flight(), 0u);
  EXPECT_EQ(state_.counts().left, 1u);
}

TEST_F(moving, a_worker_that_comes_back_in_time_goes_on) {
  const auto cid = ask("c", "prompt.chat/v1");
  happen(peer_gone{"w"});
  pass(200ms);
  come_back("w2", "w", "prompt");
  accept("w2", cid);
  EXPECT_EQ(type_to("c"), frame::accept);
  pass(5s);
  EXPECT_EQ(type_to("c"), none);
  send("w2", frame::final, cid, "end");
  EXPECT_EQ(type_to("c"), frame::final);
}

TEST_F(moving, a_requester_that_comes_back_in_time_gets_its_answer) {
  const auto cid = ask("c", "prompt.chat/v1");
  type_to("w");
  happen(peer_gone{"c"});
  pass(200ms);
  EXPECT_EQ(type_to("w"), none) << "not cancelled yet";
  come_back("c2", "c", "log");
  signal("c2", frame::window, cid, "w");
  EXPECT_EQ(type_to("w"), frame::window);
  pass(5s);
  EXPECT_EQ(type_to("w"), none);
  send("w", frame::final, cid, "end");
  EXPECT_EQ(type_to("c2"), frame::final);
}

TEST_F(moving, a_requester_that_stays_away_has_its_work_called_off) {
  ask("c", "prompt.chat/v1");
  type_to("w");
  happen(peer_gone{"c"});
  pass(500ms);
  const auto off = next("w");
  ASSERT_TRUE(off);
  EXPECT_EQ(off->header.type, frame::cancel);
  EXPECT_EQ(off->header.flags, lost) << "another broker may know it";
}

TEST_F(moving, an_idempotent_request_waits_for_a_worker_to_come_back) {
  const auto cid = ask("c", "prompt.models/v1", idempotent);
  type_to("w");
  happen(peer_gone{"w"});
  pass(200ms);
  come_back("w2", "w", "prompt");
  pass(100ms);
  const auto again = next("w2");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->header.type, frame::request);
  EXPECT_EQ(again->header.cid, cid);
}

TEST_F(moving, a_request_that_comes_again_over_a_new_connection_is_the_same_one) {
  const auto cid = ask("c", "prompt.models/v1", idempotent);
  type_to("w");
  happen(peer_gone{"c"});
  come_back("c2", "c", "log");
  ask_again("c2", cid);
  EXPECT_EQ(type_to("w"), none) << "it works on it already";
  send("w", frame::final, cid, "end");
  EXPECT_EQ(type_to("c2"), frame::final);
}

TEST_F(moving, between_two_workers_of_a_call_the_requester_decides) {
  join("w2", "prompt", {{"prompt", 1}});
  const auto cid = ask("c", "prompt.models/v1", idempotent);
  const auto other = type_to("w") == frame::request ? "w2" : "w";
  type_to(other);
  accept(other, cid);
  EXPECT_EQ(type_to(other), frame::reject);
  EXPECT_EQ(type_to("c"), none);
}

TEST_F(moving, a_worker_that_has_a_call_already_spares_the_router_the_way) {
  join("r", "router", {{"router", 1}});
  join("edge", "edge");
  const auto cid = ask("edge", "router.prompt.models/v1", idempotent);
  EXPECT_EQ(type_to("r"), frame::request);
  accept("w", cid, 0, "prompt.models/v1");
  EXPECT_EQ(type_to("edge"), frame::accept);
  delegate("r", cid, "prompt.models/v1");
  EXPECT_EQ(type_to("w"), none) << "it does not work on it twice";
  ask("edge", "router.prompt.models/v1");
  EXPECT_EQ(type_to("r"), frame::request) << "the router's slot is free";
}

TEST_F(moving, what_a_router_was_asked_is_not_given_to_another_worker) {
  join("r", "router", {{"router", 1}});
  join("edge", "edge");
  for (const bool is_waiting : {false, true}) {
    if (is_waiting) ask("edge", "router.prompt.models/v1", idempotent); // has the router's slot
    const auto cid = ask("edge", "router.prompt.models/v1", idempotent);
    accept("w", cid, 0, "prompt.models/v1");
    EXPECT_EQ(type_to("edge"), frame::accept);
    join("w2", "prompt", {{"prompt", 1}});
    happen(peer_gone{"w"});
    pass(500ms);
    EXPECT_EQ(type_to("w2"), none) << "it would be a router's request without a credential";
    EXPECT_EQ(error_to("edge")->code, errc::worker_lost);
    happen(peer_gone{"w2"});
    join("w", "prompt", {{"prompt", 2}});
  }
}

TEST_F(moving, a_call_that_waited_for_a_router_takes_a_slot_of_its_worker) {
  join("r", "router", {{"router", 1}});
  join("edge", "edge");
  ask("edge", "router.prompt.models/v1", idempotent);
  for (int n = 0; n < 2; ++n)
    accept("w", ask("edge", "router.prompt.models/v1", idempotent), 0, "prompt.models/v1");
  ask("c", "prompt.models/v1", idempotent);
  EXPECT_EQ(type_to("w"), none) << "it has two already";
  EXPECT_EQ(state_.queued(), 1u);
}

TEST_F(moving, a_request_that_comes_again_over_another_link_is_answered_there) {
  const auto cid = ask("c", "prompt.models/v1", idempotent);
  type_to("w");
  come_back("c2", "c", "log", 2);
  ask_again("c2", cid);
  send("w", frame::final, cid, "answer");
  EXPECT_EQ(type_to("c2"), frame::final);
  EXPECT_EQ(type_to("c"), none);
}

TEST_F(moving, only_a_worker_of_the_service_takes_a_call) {
  join("r", "router", {{"router", 1}});
  join("edge", "edge");
  const auto cid = ask("edge", "router.prompt.models/v1", idempotent);
  type_to("r");
  join("thief", "edge");
  accept("thief", cid);
  EXPECT_EQ(type_to("thief"), frame::reject);
  EXPECT_EQ(type_to("edge"), none);
}

TEST_F(moving, a_worker_that_drains_takes_its_calls_along) {
  send("w", frame::drain, {});
  happen(peer_gone{"w"});
  const auto incarnation = incarnations_["w"];
  incarnations_.erase("w");
  greet("w2", incarnation, "prompt");
  EXPECT_EQ(type_to("w2"), frame::welcome);
  send("w2", frame::drain, {});
  offer_prompt("w2");
  accept("w2", {incarnations_["c"], 77});
  EXPECT_EQ(type_to("w2"), none);
  EXPECT_EQ(type_to("c"), frame::accept);
  ask("c", "prompt.chat/v1");
  EXPECT_EQ(type_to("w2"), none) << "but no new ones";
}

TEST_F(moving, a_request_that_comes_again_after_it_was_called_off_is_answered) {
  const auto cid = ask("c", "prompt.models/v1", idempotent);
  type_to("w");
  happen(peer_gone{"c"});
  pass(300ms);
  EXPECT_EQ(type_to("w"), frame::cancel);
  come_back("c2", "c", "log");
  ask_again("c2", cid);
  EXPECT_EQ(error_to("c2")->code, errc::unavailable);
}

TEST_F(moving, who_says_something_is_what_the_connection_says) {
  const auto cid = ask("c", "prompt.chat/v1");
  envelope e;
  e.type = frame::partial;
  e.cid = cid;
  e.mid = {99, 1};
  e.seq = 1;
  receive("w", e, "p");
  EXPECT_EQ(next("c")->header.mid.incarnation, incarnations_["w"]);
}

TEST_F(moving, many_hellos_over_one_connection_are_one_peer) {
  envelope e;
  e.type = frame::hello;
  for (std::uint64_t n = 500; n < 510; ++n) receive("x", e, encode(hello_body{"x", n, 1, {"log"}}));
  EXPECT_EQ(state_.peers(), 3u);
  accept("w", {505, 1});
  EXPECT_EQ(type_to("w"), frame::reject) << "nobody is 505 any more";
}

TEST_F(moving, a_part_of_a_call_that_nobody_knows_is_not_wanted) {
  send("w", frame::partial, elsewhere(), "p", 1);
  EXPECT_EQ(type_to("w"), frame::cancel);
}

TEST_F(moving, brokers_hear_of_each_other_from_services) {
  join("edge", "edge");
  heartbeat_body said{0, 0, {"tcp://127.0.0.1:7709"}};
  send("w", frame::heartbeat, {}, encode(said));
  said.brokers = {"tcp://127.0.0.1:666"};
  send("edge", frame::heartbeat, {}, encode(said));
  envelope e;
  e.type = frame::hello;
  receive("new", e, encode(hello_body{"new", 77, 1, {"log"}}));
  const auto welcomed = next("new");
  ASSERT_TRUE(welcomed);
  EXPECT_EQ(decode_welcome(bytes_of(welcomed->body))->brokers,
            std::vector<std::string>{"tcp://127.0.0.1:7709"})
      << "what an edge says makes nobody connect anywhere";
}

} // namespace
} // namespace troupe::wire
