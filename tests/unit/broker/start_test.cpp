// Goal: a request that is not idempotent begins when its broker says so, at one worker; until then
// it is anybody's. Method: the state machines of a broker and of a node, one at a time.
#include "tests/unit/broker/broker_fixture.hpp"
#include "tests/unit/broker/node_fixture.hpp"

namespace troupe::wire {
namespace {

constexpr frame none{};
const std::vector<bus_method> prompt_methods{{"prompt.chat/v1", false}, {"prompt.models/v1", true}};
const std::vector<bus_method> router_methods{{"router.prompt.chat/v1", false}};

// The broker.

class starting : public broker {
protected:
  starting() {
    serve("w1", "prompt", prompt_methods);
    join("c", "log");
  }
  void offer(const peer_id& name, const std::string& service, std::vector<bus_method> methods) {
    envelope e;
    e.type = frame::registration;
    e.svc = service;
    receive(name, e, encode(capacity_body{2, std::move(methods)}));
  }
  void serve(const peer_id& name, const std::string& service, std::vector<bus_method> methods) {
    join(name, service);
    offer(name, service, std::move(methods));
    EXPECT_EQ(type_to(name), frame::registered);
  }
  /// Asked, and handed to w1.
  call_id chat() {
    const auto cid = ask("c", "prompt.chat/v1");
    const auto given = next("w1");
    EXPECT_EQ(given->header.type, frame::request);
    EXPECT_EQ(given->header.flags & on_start, on_start);
    return cid;
  }
  void accept(const peer_id& from, const call_id& cid) { send(from, frame::accept, cid); }
  void lose(const peer_id& who) { happen(peer_gone{who}); }
  /// Of what w1 may have begun.
  void expect_lost_with_w1() {
    lose("w1");
    pass(400ms);
    EXPECT_EQ(type_to("w2"), none);
    EXPECT_EQ(type_to("c"), frame::accept) << "it may look for w1 elsewhere";
    const auto why = error_to("c");
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code, errc::worker_lost);
    EXPECT_EQ(why->started, started_state::unknown);
  }
};

TEST_F(starting, a_worker_is_told_to_start_and_a_little_later_its_requester_who_it_is) {
  const auto cid = chat();
  accept("w1", cid);
  EXPECT_EQ(type_to("w1"), frame::start);
  EXPECT_EQ(type_to("c"), none);
  EXPECT_EQ(state_.due(), now_ + 10ms);
  pass(10ms);
  const auto told = next("c");
  ASSERT_TRUE(told);
  EXPECT_EQ(told->header.type, frame::accept);
  EXPECT_EQ(told->header.seq, 0u);
  EXPECT_EQ(told->header.mid.incarnation, incarnations_["w1"]);
  pass(20ms);
  EXPECT_EQ(type_to("c"), none) << "once";
}

TEST_F(starting, who_has_an_answer_knows_its_worker) {
  const auto cid = chat(), stream = chat();
  accept("w1", cid);
  accept("w1", stream);
  send("w1", frame::final, cid, "answer");
  send("w1", frame::partial, stream, "a part", 1);
  EXPECT_EQ(type_to("c"), frame::final);
  EXPECT_EQ(type_to("c"), frame::partial);
  pass(20ms);
  EXPECT_EQ(type_to("c"), none);
}

TEST_F(starting, calls_that_have_ended_do_not_wake_the_broker_up) {
  const auto cid = chat();
  accept("w1", cid);
  EXPECT_EQ(type_to("w1"), frame::start);
  const auto at = state_.due();
  send("w1", frame::final, cid, "answer");
  now_ += 5ms;
  accept("w1", chat());
  EXPECT_EQ(state_.due(), at + 5ms);
}

// Who has spoken of a call a moment ago begins without asking.

class lively : public starting {
protected:
  lively() {
    const auto cid = chat();
    accept("w1", cid);
    send("w1", frame::final, cid, "answer");
    while (next("w1")) continue;
    while (next("c")) continue;
  }
  call_id chat_at_once() {
    const auto cid = ask("c", "prompt.chat/v1");
    EXPECT_EQ(next("w1")->header.flags & on_start, 0);
    return cid;
  }
};

TEST_F(lively, for_a_moment_nobody_need_ask) {
  chat_at_once();
  now_ += 2ms;
  chat_at_once();
}

TEST_F(lively, after_it_or_by_its_heart_alone_it_has_to) {
  now_ += 3ms;
  send("w1", frame::heartbeat, {}, encode(heartbeat_body{}));
  chat();
}

TEST_F(lively, a_stream_has_the_time_to_ask) {
  ask("c", "prompt.chat/v1", streamed);
  EXPECT_EQ(next("w1")->header.flags & on_start, on_start);
}

TEST_F(lively, what_it_got_is_nobody_elses) {
  serve("w2", "prompt", prompt_methods);
  chat_at_once();
  expect_lost_with_w1();
}

TEST_F(lively, what_it_rejects_has_not_begun) {
  serve("w2", "prompt", prompt_methods);
  const auto cid = chat_at_once();
  send("w1", frame::reject, cid);
  EXPECT_EQ(type_to("w2"), frame::request);
  lose("w2");
  now_ += 3ms;
  pass(400ms);
  EXPECT_EQ(type_to("w1"), frame::request) << "once more";
}

TEST_F(lively, a_requester_that_has_heard_of_one_worker_hears_of_the_next_at_once) {
  serve("w2", "prompt", prompt_methods);
  const auto cid = chat_at_once();
  pass(10ms);
  EXPECT_EQ(next("c")->header.mid.incarnation, incarnations_["w1"]);
  send("w1", frame::reject, cid);
  EXPECT_EQ(type_to("w2"), frame::request);
  accept("w2", cid);
  EXPECT_EQ(next("c")->header.mid.incarnation, incarnations_["w2"]) << "before its answer";
}

// What may be asked for.

TEST_F(starting, what_is_idempotent_starts_at_once) {
  ask("c", "prompt.models/v1", idempotent);
  EXPECT_EQ(next("w1")->header.flags & on_start, 0);
}

TEST_F(starting, a_peer_cannot_ask_for_start_itself) {
  ask("c", "prompt.models/v1", idempotent | on_start);
  EXPECT_EQ(next("w1")->header.flags & on_start, 0);
}

TEST_F(starting, before_start_another_worker_may_have_it) {
  serve("w2", "prompt", prompt_methods);
  const auto cid = chat();
  lose("w1");
  EXPECT_EQ(type_to("w2"), frame::request);
  EXPECT_EQ(type_to("c"), none);
  accept("w2", cid);
  EXPECT_EQ(type_to("w2"), frame::start);
}

TEST_F(starting, after_start_nobody_else_may) {
  serve("w2", "prompt", prompt_methods);
  accept("w1", chat());
  expect_lost_with_w1();
}

TEST_F(starting, a_worker_that_was_given_up_does_not_start_when_it_wakes_up) {
  serve("w2", "prompt", prompt_methods);
  const auto cid = chat();
  incarnations_.erase("w1");
  pass(4s);
  EXPECT_EQ(type_to("w2"), frame::request);
  while (next("w1")) continue;
  accept("w1", cid);
  EXPECT_EQ(type_to("w1"), frame::reset);
  EXPECT_EQ(type_to("c"), none);
}

TEST_F(starting, who_asks_for_anothers_start_is_rejected) {
  serve("w2", "prompt", prompt_methods);
  accept("w2", chat());
  EXPECT_EQ(type_to("w2"), frame::reject);
  EXPECT_EQ(type_to("c"), none);
}

TEST_F(starting, with_nobody_left_the_requester_hears_that_it_did_not_begin) {
  chat();
  lose("w1");
  pass(400ms);
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::unavailable);
  EXPECT_EQ(why->started, started_state::no);
}

TEST_F(starting, a_deadline_before_the_start_says_that_it_did_not_begin) {
  const auto cid = ask("c", "prompt.chat/v1", 0, 300);
  pass(400ms);
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->started, started_state::no);
  while (next("w1")) continue;
  accept("w1", cid);
  EXPECT_EQ(type_to("w1"), none) << "nobody waits";
}

TEST_F(starting, without_a_requester_nothing_starts_until_it_is_back) {
  const auto cid = chat();
  lose("c");
  accept("w1", cid);
  EXPECT_EQ(type_to("w1"), none);
  greet("c again", incarnations_["c"], "log");
  envelope w;
  w.type = frame::window;
  w.cid = cid;
  w.svc = "prompt.chat/v1";
  receive("c again", w, encode(window_body{}));
  EXPECT_EQ(type_to("c again"), frame::welcome);
  EXPECT_EQ(type_to("w1"), frame::start);
}

TEST_F(starting, a_router_that_is_lost_has_begun_nothing) {
  serve("r1", "router", router_methods);
  join("edge", "edge");
  ask("edge", "router.prompt.chat/v1");
  EXPECT_EQ(next("r1")->header.flags & on_start, 0);
  serve("r2", "router", router_methods);
  lose("r1");
  EXPECT_EQ(type_to("r2"), frame::request);
}

TEST_F(starting, what_a_lost_router_may_still_hand_on_may_have_begun) {
  const std::vector<bus_method> methods{{"router.prompt.models/v1", true}};
  serve("r1", "router", methods);
  join("edge", "edge");
  const auto cid = ask("edge", "router.prompt.models/v1", idempotent);
  EXPECT_EQ(type_to("r1"), frame::request);
  serve("r2", "router", methods);
  lose("r1");
  EXPECT_EQ(type_to("r2"), frame::request);
  lose("w1");
  delegate("r2", cid, "prompt.models/v1");
  const auto why = error_to("edge");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->started, started_state::unknown);
}

TEST_F(starting, a_method_that_nobody_declared_is_not_found) {
  ask("c", "prompt.sing/v1");
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::not_found);
  EXPECT_EQ(why->started, started_state::no);
  EXPECT_EQ(type_to("w1"), none);
}

TEST_F(starting, nobody_may_ask_twice_for_what_begins_once) {
  ask("c", "prompt.chat/v1", idempotent);
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::invalid_argument);
  EXPECT_EQ(why->param, "flags");
}

TEST_F(starting, a_node_that_declares_another_class_is_not_registered) {
  join("w2", "prompt");
  offer("w2", "prompt", {{"prompt.chat/v1", true}});
  const auto why = error_to("w2");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::conflict);
  EXPECT_NE(why->message.find("prompt.chat/v1"), std::string::npos);
}

TEST_F(starting, classes_go_with_the_last_node_that_declared_them) {
  lose("w1");
  serve("w2", "prompt", {{"prompt.chat/v1", true}});
}

TEST_F(starting, a_worker_that_declares_nothing_begins_at_once) {
  lose("w1");
  join("old", "prompt", {{"prompt", 2}});
  serve("w2", "prompt", prompt_methods);
  ask("c", "prompt.chat/v1");
  const auto given = next("old");
  ASSERT_TRUE(given);
  EXPECT_EQ(given->header.flags & on_start, 0) << "it would not wait";
  lose("old");
  pass(400ms);
  EXPECT_EQ(type_to("w2"), none);
  EXPECT_EQ(type_to("c"), frame::accept);
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->started, started_state::unknown);
  join("older", "prompt", {{"prompt", 2}});
  ask("c", "prompt.sing/v1");
  EXPECT_FALSE(error_to("c")) << "it may know a method that others do not";
}

TEST_F(starting, a_worker_of_another_service_cannot_take_a_call) {
  serve("r1", "router", router_methods);
  join("thief", "log", {{"log", 2}});
  join("edge", "edge");
  const auto cid = ask("edge", "router.prompt.chat/v1");
  envelope e;
  e.type = frame::accept;
  e.cid = cid;
  e.seq = 1;
  e.svc = "log.append/v1";
  receive("thief", e);
  EXPECT_EQ(type_to("thief"), frame::reject);
  send("thief", frame::final, cid, "forged");
  EXPECT_EQ(type_to("edge"), none);
}

TEST_F(starting, what_is_about_one_node_goes_there_or_nowhere) {
  serve("w2", "prompt", prompt_methods);
  const auto ask_for = [&](std::uint64_t node) {
    envelope e;
    e.type = frame::request;
    e.flags = idempotent;
    e.cid = e.mid = {incarnations_["c"], 1000 + node};
    e.svc = "prompt.models/v1";
    e.to = node;
    receive("c", e);
  };
  ask_for(incarnations_["w2"]);
  EXPECT_EQ(type_to("w1"), none) << "though it is the longest unused";
  EXPECT_EQ(type_to("w2"), frame::request);
  ask_for(4711);
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::unavailable) << "another broker may have it";
  EXPECT_EQ(why->reason, node_not_linked);
  EXPECT_EQ(why->started, started_state::no);
}

TEST_F(starting, a_worker_may_hand_on_what_it_began_and_the_next_one_is_told_anew) {
  serve("w2", "prompt", prompt_methods);
  const auto cid = chat();
  accept("w1", cid);
  EXPECT_EQ(type_to("w1"), frame::start);
  envelope on;
  on.type = frame::request;
  on.flags = delegated;
  on.cid = cid;
  on.mid = {incarnations_["w1"], 5000};
  on.svc = "prompt.chat/v1";
  on.to = incarnations_["w2"];
  receive("w1", on);
  const auto given = next("w2");
  ASSERT_TRUE(given);
  EXPECT_EQ(given->header.flags & on_start, on_start);
  EXPECT_EQ(given->header.to, incarnations_["w2"]) << "it learns that it was chosen";
  accept("w2", cid);
  EXPECT_EQ(type_to("w2"), frame::start);
  EXPECT_EQ(type_to("c"), none);
  pass(10ms);
  const auto told = next("c");
  ASSERT_TRUE(told);
  EXPECT_EQ(told->header.type, frame::accept);
  EXPECT_EQ(told->header.mid.incarnation, incarnations_["w2"]);
}

TEST_F(starting, a_requester_may_have_heard_of_a_worker_at_another_broker) {
  serve("w2", "prompt", prompt_methods);
  const call_id cid{incarnations_["c"], 4711};
  envelope moved;
  moved.type = frame::accept;
  moved.cid = cid;
  moved.seq = 1;
  moved.svc = "prompt.chat/v1";
  receive("w1", moved);
  EXPECT_EQ(type_to("c"), frame::accept);
  delegate("w1", cid, "prompt.chat/v1");
  EXPECT_EQ(type_to("w2"), frame::request);
  accept("w2", cid);
  EXPECT_EQ(type_to("w2"), frame::start);
  const auto told = next("c");
  ASSERT_TRUE(told) << "else it turns the answer away";
  EXPECT_EQ(told->header.mid.incarnation, incarnations_["w2"]);
}

// A node that lives and hangs.

class hanging : public starting {
protected:
  void beat(const peer_id& from, std::uint64_t stuck_ms) {
    send(from, frame::heartbeat, {}, encode(heartbeat_body{0, 0, {}, stuck_ms}));
  }
};

TEST_F(hanging, gets_no_new_work_until_it_goes_on) {
  serve("w2", "prompt", prompt_methods);
  beat("w1", 6000);
  for (int n = 0; n < 2; ++n) {
    ask("c", "prompt.models/v1", idempotent);
    EXPECT_EQ(type_to("w2"), frame::request);
    EXPECT_EQ(type_to("w1"), none);
  }
  ask("c", "prompt.models/v1", idempotent);
  EXPECT_EQ(state_.queued(), 1u) << "the other one is full";
  beat("w1", 0);
  EXPECT_EQ(type_to("w1"), frame::request);
  EXPECT_EQ(state_.counts().stuck, 1u);
}

TEST_F(hanging, keeps_what_it_has_begun) {
  const auto cid = chat();
  accept("w1", cid);
  EXPECT_EQ(type_to("w1"), frame::start);
  beat("w1", 60'000);
  pass(10s);
  EXPECT_EQ(state_.in_flight(), 1u);
  while (next("c")) continue;
  send("w1", frame::final, cid, "answer");
  EXPECT_EQ(type_to("c"), frame::final);
}

TEST_F(hanging, with_nobody_else_requests_wait) {
  beat("w1", 6000);
  ask("c", "prompt.models/v1", idempotent, 1000);
  EXPECT_EQ(state_.queued(), 1u);
  pass(1100ms);
  EXPECT_EQ(error_to("c")->code, errc::deadline_exceeded);
}

TEST_F(hanging, who_is_merely_slow_is_not_taken_for_one) {
  beat("w1", 4900);
  ask("c", "prompt.models/v1", idempotent);
  EXPECT_EQ(type_to("w1"), frame::request);
}

// The worker's node.

class held : public node {
protected:
  held() {
    link(1);
    link(2);
  }
  call_id hand_over(std::uint64_t n = 1) {
    envelope e;
    e.type = frame::request;
    e.flags = on_start;
    e.mid = {101, n};
    e.cid = {50, n};
    e.svc = "auth.sign_up/v1";
    e.ttl_ms = 5000;
    feed(broker_frame{1, e, "body"});
    return e.cid;
  }
};

TEST_F(held, nothing_begins_before_start) {
  const auto cid = hand_over();
  EXPECT_TRUE(all<bus_work>().empty());
  ASSERT_EQ(sent(), frames{frame::accept});
  EXPECT_EQ(sent(frame::accept)[0].header.seq, 0u);
  EXPECT_EQ(sent(frame::accept)[0].header.svc, "auth.sign_up/v1");
  broker_says(frame::start, cid);
  ASSERT_EQ(all<bus_work>().size(), 1u);
  EXPECT_EQ(std::get<bus_request>(all<bus_work>()[0]).body, "body");
  broker_says(frame::start, cid);
  EXPECT_TRUE(all<bus_work>().empty()) << "it begins once";
}

TEST_F(held, start_counts_from_the_broker_that_has_the_call) {
  const auto cid = hand_over();
  broker_says(frame::start, cid, {}, 0, {}, 2);
  EXPECT_TRUE(all<bus_work>().empty());
}

TEST_F(held, is_dropped_when_its_broker_is_gone) {
  const auto cid = hand_over();
  feed(link_down{1});
  EXPECT_EQ(state_.served(), 0u);
  EXPECT_TRUE(all<bus_work>().empty());
  EXPECT_TRUE(sent(frame::accept).empty()) << "that broker may give it to somebody else";
  link(1);
  broker_says(frame::start, cid);
  EXPECT_TRUE(all<bus_work>().empty());
  EXPECT_EQ(sent(), frames{frame::credit}) << "its slot is free";
}

TEST_F(held, is_dropped_when_it_is_anothers) {
  const auto cid = hand_over();
  broker_says(frame::reject, cid);
  EXPECT_EQ(state_.served(), 0u);
  broker_says(frame::start, cid);
  EXPECT_TRUE(all<bus_work>().empty());
}

TEST_F(held, ends_when_it_is_cancelled) {
  const auto cid = hand_over();
  peer_says(50, frame::cancel, cid);
  ASSERT_EQ(sent(), frames{frame::error});
  const auto why = msgpack_codec::decode<error>(sent(frame::error)[0].body);
  EXPECT_EQ(why->code, errc::cancelled);
  EXPECT_EQ(why->started, started_state::no);
  EXPECT_EQ(state_.served(), 0u);
  EXPECT_TRUE(all<bus_work>().empty());
}

TEST_F(held, asks_once_more_when_its_requester_misses_it) {
  const auto cid = hand_over();
  peer_says(50, frame::window, cid, encode(window_body{0, 0, 0, true}));
  EXPECT_EQ(sent(), frames{frame::accept});
  peer_says(50, frame::window, cid, encode(window_body{0, 0, 0, true}), 0, 2);
  EXPECT_TRUE(sent().empty()) << "it has not begun, so it stays where it is";
}

TEST_F(held, goes_to_the_broker_that_asked_last) {
  const auto cid = hand_over();
  envelope e;
  e.type = frame::request;
  e.flags = on_start;
  e.cid = cid;
  e.svc = "auth.sign_up/v1";
  feed(broker_frame{2, e, "body"});
  EXPECT_EQ(sent(), (frames{frame::credit, frame::accept}));
  broker_says(frame::start, cid);
  EXPECT_TRUE(all<bus_work>().empty());
  broker_says(frame::start, cid, {}, 0, {}, 2);
  EXPECT_EQ(all<bus_work>().size(), 1u);
}

// The requester's node.

TEST_F(held, the_requester_knows_its_worker_from_the_start_on) {
  feed(request(9, now_ + 60s));
  const auto over = sent(frame::request)[0].over, other = over == 1 ? 2u : 1u;
  peer_says(60, frame::accept, {7, 9}, {}, 0, over);
  EXPECT_TRUE(sent().empty());
  feed(link_down{over});
  ASSERT_EQ(sent(frame::window).size(), 1u);
  EXPECT_EQ(sent(frame::window)[0].header.to, 60u);
  peer_says(61, frame::accept, {7, 9}, {}, 1, other, "auth.me/v1");
  ASSERT_EQ(sent(frame::cancel).size(), 1u) << "another one must not have it";
  EXPECT_EQ(sent(frame::cancel)[0].header.to, 61u);
}

TEST_F(held, the_requester_follows_a_request_that_its_worker_handed_on) {
  feed(request(9, now_ + 60s));
  const auto over = sent(frame::request)[0].over, other = over == 1 ? 2u : 1u;
  peer_says(60, frame::accept, {7, 9}, {}, 0, over);
  peer_says(61, frame::accept, {7, 9}, {}, 0, other);
  peer_says(61, frame::partial, {7, 9}, "of one that no broker of ours told to begin", 1, other);
  EXPECT_EQ(sent(frame::cancel).size(), 1u);
  peer_says(62, frame::accept, {7, 9}, {}, 0, over);
  peer_says(62, frame::partial, {7, 9}, "first", 1, over);
  EXPECT_TRUE(sent(frame::cancel).empty());
  EXPECT_EQ(all<bus_answer>().size(), 1u);
  peer_says(60, frame::accept, {7, 9}, {}, 0, over);
  peer_says(60, frame::partial, {7, 9}, "late", 2, over);
  EXPECT_EQ(sent(frame::cancel).size(), 1u) << "once it has spoken there is no other";
  peer_says(62, frame::partial, {7, 9}, "second", 2, over);
  EXPECT_EQ(all<bus_answer>().size(), 1u);
}

} // namespace
} // namespace troupe::wire
