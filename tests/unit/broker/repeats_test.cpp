// Goal: what a peer says twice counts once, whenever it says it. Method: the state machines of a
// broker and of a node, one at a time.
#include "tests/unit/broker/broker_fixture.hpp"
#include "tests/unit/broker/node_fixture.hpp"

namespace troupe::wire {
namespace {

constexpr frame none{};

// The broker.

class repeating : public broker {
protected:
  repeating() {
    for (const auto* name : {"w1", "w2"}) serve(name);
    join("c", "log");
  }
  void serve(const peer_id& name) {
    join(name, "prompt");
    envelope e;
    e.type = frame::registration;
    e.svc = "prompt";
    receive(name, e,
            encode(capacity_body{4, {{"prompt.chat/v1", false}, {"prompt.models/v1", true}}}));
    EXPECT_EQ(type_to(name), frame::registered);
  }
  /// The same bytes, which the last one to say something said.
  void again(const peer_id& over) {
    auto e = said_;
    receive(over, std::move(e), body_);
  }
  void say(const peer_id& from, frame type, const call_id& cid, std::string body = {},
           std::uint64_t seq = 0, std::string svc = {}) {
    said_ = {};
    said_.type = type;
    said_.cid = cid;
    said_.seq = seq;
    said_.svc = std::move(svc);
    said_.mid = {incarnations_[from], ++numbered_ | 1ull << 63};
    body_ = std::move(body);
    again(from);
  }
  call_id request(const peer_id& from, const std::string& method, std::uint8_t flags = 0) {
    said_ = {};
    said_.type = frame::request;
    said_.flags = flags;
    said_.svc = method;
    said_.cid = {incarnations_[from], ++asked_};
    said_.mid = {incarnations_[from], ++numbered_ | 1ull << 63};
    body_ = "question";
    again(from);
    return said_.cid;
  }
  /// To the worker that is the first in turn.
  call_id begun_chat() {
    const auto cid = request("c", "prompt.chat/v1");
    const auto asked = said_;
    EXPECT_EQ(type_to("w1"), frame::request);
    send("w1", frame::accept, cid);
    EXPECT_EQ(type_to("w1"), frame::start);
    said_ = asked;
    body_ = "question";
    return cid;
  }
  void expect_silence() {
    for (const auto* name : {"w1", "w2", "c"}) EXPECT_EQ(type_to(name), none) << name;
  }
  /// So many other messages that the window has moved on.
  void overtake(const peer_id& from) {
    numbered_ += replay_window::size;
    send(from, frame::pong, {});
  }

  envelope said_;
  std::string body_;
};

TEST_F(repeating, a_request_runs_once_while_it_runs_and_after_its_end) {
  for (const auto* method : {"prompt.chat/v1", "prompt.models/v1"}) {
    const auto cid =
        request("c", method, method == std::string("prompt.models/v1") ? idempotent : 0);
    const peer_id worker = type_to("w1") == frame::request ? "w1" : "w2";
    while (next("w2")) continue;
    again("c");
    expect_silence();
    send(worker, frame::final, cid, "answer");
    EXPECT_EQ(type_to("c"), frame::final);
    again("c");
    expect_silence();
    pass(20s);
    again("c");
    expect_silence();
    EXPECT_EQ(state_.in_flight(), 0u);
  }
  EXPECT_EQ(state_.counts().repeated, 6u);
  EXPECT_EQ(state_.counts().requests, 2u);
}

TEST_F(repeating, an_old_request_is_refused) {
  const auto cid = begun_chat();
  send("w1", frame::final, cid, "answer");
  EXPECT_EQ(type_to("c"), frame::final);
  overtake("c");
  again("c");
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::unavailable);
  EXPECT_EQ(why->reason, "stale");
  EXPECT_EQ(why->started, started_state::unknown);
  expect_silence();
  EXPECT_EQ(state_.counts().stale, 1u);
}

TEST_F(repeating, an_old_request_of_a_call_that_still_runs_does_not_end_it) {
  const auto cid = begun_chat();
  overtake("c");
  again("c");
  expect_silence();
  EXPECT_EQ(state_.counts().stale, 1u);
  send("w1", frame::final, cid, "answer");
  EXPECT_EQ(type_to("c"), frame::final);
}

TEST_F(repeating, who_repeats_another_ones_request_hears_nothing) {
  begun_chat();
  overtake("w2");
  again("w2");
  expect_silence();
  EXPECT_EQ(state_.counts().stale, 1u);
}

TEST_F(repeating, a_new_connection_of_a_process_knows_what_the_old_one_said) {
  const auto cid = begun_chat();
  send("w1", frame::final, cid, "answer");
  EXPECT_EQ(type_to("c"), frame::final);
  const auto asked = said_;
  for (const auto* way : {"lost", "goodbye"}) {
    if (way == std::string("lost"))
      happen(peer_gone{"c"});
    else
      send("c", frame::goodbye, {});
    inbox_["c"].clear();
    greet("c", incarnations_["c"], "log");
    EXPECT_EQ(type_to("c"), frame::welcome);
    said_ = asked;
    again("c");
    expect_silence();
  }
  EXPECT_EQ(state_.counts().repeated, 2u);
}

TEST_F(repeating, a_hello_again_over_its_connection_changes_nothing) {
  hello_body hello;
  hello.incarnation = incarnations_["w3"] = 33;
  hello.link = 1;
  hello.roles = {"prompt"};
  envelope e;
  e.type = frame::hello;
  e.mid = {33, 1ull << 63 | 900'000};
  receive("w3", e, encode(hello));
  EXPECT_EQ(type_to("w3"), frame::welcome);
  envelope r;
  r.type = frame::registration;
  r.svc = "sing";
  r.mid = {33, 1ull << 63 | 900'001};
  receive("w3", r, encode(capacity_body{1, {}}));
  EXPECT_EQ(type_to("w3"), frame::registered);
  receive("w3", e, encode(hello));
  EXPECT_EQ(type_to("w3"), none);
  ask("c", "sing.aria/v1");
  EXPECT_EQ(type_to("w3"), frame::request) << "it is still registered";
}

TEST_F(repeating, what_a_worker_says_again_comes_once) {
  const auto cid = begun_chat();
  say("w1", frame::accept, cid);
  EXPECT_EQ(type_to("w1"), frame::start) << "with a number of its own it asks again";
  again("w1");
  expect_silence();
  for (std::uint64_t seq = 1; seq < 3; ++seq) {
    say("w1", frame::partial, cid, "p", seq);
    EXPECT_EQ(next("c")->header.seq, seq);
    again("w1");
    expect_silence();
  }
  say("w1", frame::final, cid, "answer", 2);
  EXPECT_EQ(type_to("c"), frame::final);
  again("w1");
  expect_silence();
  EXPECT_EQ(state_.counts().repeated, 4u);
  EXPECT_EQ(state_.counts().unknown_call, 0u);
}

TEST_F(repeating, what_a_worker_gives_up_is_given_up_once) {
  const auto cid = begun_chat();
  say("w1", frame::credit, cid);
  EXPECT_EQ(type_to("c"), frame::accept);
  EXPECT_EQ(error_to("c")->code, errc::internal);
  again("w1");
  expect_silence();
  EXPECT_EQ(state_.counts().repeated, 1u);
}

TEST_F(repeating, what_a_requester_says_again_comes_to_its_worker_once) {
  const auto cid = begun_chat();
  for (const auto type : {frame::window, frame::cancel}) {
    say("c", type, cid, encode(window_body{0, 4, 4096, true}));
    EXPECT_EQ(type_to("w1"), type);
    again("c");
    expect_silence();
  }
}

TEST_F(repeating, who_asks_once_more_with_a_new_number_is_given_a_worker) {
  const auto cid = request("c", "prompt.models/v1", idempotent);
  send("w1", frame::final, cid, "answer");
  inbox_.clear();
  said_.mid.counter = ++numbered_ | 1ull << 63;
  again("c");
  EXPECT_EQ(type_to("w2"), frame::request);
}

TEST_F(repeating, a_message_without_a_number_is_refused) {
  envelope e;
  e.type = frame::ping;
  for (auto& f : feed(frame_received{"c", e, {}})) inbox_[f.to].push_back(std::move(f));
  const auto why = error_to("c");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::invalid_argument);
  EXPECT_EQ(why->param, "mid");
  EXPECT_EQ(state_.counts().malformed, 1u);
}

TEST_F(repeating, a_link_whose_number_was_garbled_begins_anew) {
  const auto cid = begun_chat();
  envelope e;
  e.type = frame::pong;
  e.mid = {incarnations_["w1"], (1ull << 63 | 1ull << 40) + numbered_};
  receive("w1", e);
  for (std::uint64_t seq = 1; seq < 8; ++seq) send("w1", frame::partial, cid, "p", seq);
  expect_silence();
  send("w1", frame::partial, cid, "p", 8);
  EXPECT_EQ(type_to("w1"), frame::reset);
  EXPECT_EQ(state_.counts().stale, 8u);
  greet("w1", incarnations_["w1"], "prompt");
  EXPECT_EQ(type_to("w1"), frame::welcome);
  send("w1", frame::ping, {});
  EXPECT_EQ(type_to("w1"), frame::pong);
}

TEST_F(repeating, old_messages_among_new_ones_do_not_make_a_link_begin_anew) {
  begun_chat();
  overtake("c");
  for (int n = 0; n < 20; ++n) {
    again("c");
    send("c", frame::pong, {});
  }
  expect_silence();
  EXPECT_EQ(state_.counts().stale, 20u);
  EXPECT_EQ(state_.peers(), 3u);
}

// The worker's node.

class beginning_once : public linked_node {
protected:
  void hand_over(link_id over = 1, std::uint8_t flags = on_start) { serve(cid, over, flags); }
  void start(link_id over = 1) { broker_says(frame::start, cid, {}, 0, {}, over); }
  void finish() { feed(send_final{cid, "answer"}); }
  const call_id cid{50, 1};
};

TEST_F(beginning_once, what_it_began_it_does_not_begin_again) {
  hand_over();
  start();
  ASSERT_EQ(all<bus_work>().size(), 1u);
  finish();
  pass(1h, {1, 2});
  for (const link_id over : {1u, 2u}) {
    hand_over(over);
    EXPECT_TRUE(all<bus_work>().empty());
    ASSERT_EQ(sent(), frames{frame::error});
    EXPECT_EQ(sent(frame::error)[0].over, over);
    const auto why = msgpack_codec::decode<error>(sent(frame::error)[0].body);
    EXPECT_EQ(why->code, errc::conflict);
    EXPECT_EQ(why->reason, "repeated");
    EXPECT_EQ(why->started, started_state::yes);
    start(over);
    EXPECT_TRUE(all<bus_work>().empty());
  }
  EXPECT_EQ(state_.served(), 0u);
}

TEST_F(beginning_once, a_start_again_begins_nothing) {
  hand_over();
  start();
  start();
  EXPECT_TRUE(all<bus_work>().empty());
  finish();
  start();
  EXPECT_TRUE(all<bus_work>().empty());
  EXPECT_TRUE(sent().empty()) << "its answer is kept for a while";
}

TEST_F(beginning_once, a_window_again_grants_nothing_and_a_cancel_again_does_no_harm) {
  hand_over();
  start();
  const auto window = encode(window_body{0, 8, 8192, false});
  peer_says(50, frame::window, cid, window);
  ASSERT_EQ(all<bus_work>().size(), 1u);
  peer_says(50, frame::window, cid, window);
  EXPECT_TRUE(all<bus_work>().empty());
  for (int n = 0; n < 2; ++n) {
    peer_says(50, frame::cancel, cid);
    ASSERT_EQ(all<bus_work>().size(), 1u);
    EXPECT_TRUE(std::holds_alternative<bus_cancel>(all<bus_work>()[0]));
  }
  feed(send_failure{cid, make_error(errc::cancelled, "cancelled")});
  EXPECT_EQ(sent(), frames{frame::error});
  peer_says(50, frame::cancel, cid);
  EXPECT_EQ(sent(), frames{frame::credit});
}

TEST_F(beginning_once, what_was_not_begun_may_come_again) {
  hand_over();
  broker_says(frame::reject, cid);
  hand_over();
  start();
  EXPECT_EQ(all<bus_work>().size(), 1u);
}

TEST_F(beginning_once, what_it_handed_on_may_come_back) {
  hand_over();
  start();
  bus_request on;
  on.method = "auth.me/v1";
  on.cid = cid;
  on.deadline = now_ + 60s;
  on.delegated = true;
  feed(on);
  EXPECT_EQ(sent(), frames{frame::request});
  hand_over();
  start();
  EXPECT_EQ(all<bus_work>().size(), 1u);
}

TEST_F(beginning_once, what_is_idempotent_may_begin_again) {
  for (int n = 0; n < 2; ++n) {
    hand_over(1, idempotent);
    EXPECT_EQ(all<bus_work>().size(), 1u);
    finish();
  }
}

// The requester's node.

TEST_F(beginning_once, requests_are_numbered_in_the_order_in_which_they_leave) {
  std::uint64_t last = 0;
  for (const std::uint64_t n : {9u, 3u, 5u}) {
    feed(request(n, now_ + 60s));
    const auto header = sent(frame::request).at(0).header;
    EXPECT_EQ(header.cid, (call_id{7, n}));
    EXPECT_EQ(header.mid.incarnation, 7u);
    EXPECT_GT(header.mid.counter, last);
    last = header.mid.counter;
  }
}

} // namespace
} // namespace troupe::wire
