// Goal: a node's side of the backbone while nothing is lost, rule by rule. Method: the pure state
// machine under virtual time (node_fixture.hpp).
#include "tests/unit/broker/node_fixture.hpp"

namespace troupe::wire {
namespace {

TEST_F(node, says_hello_registers_and_is_linked_when_all_is_confirmed) {
  feed(link_up{1, {}});
  EXPECT_EQ(sent(), frames{frame::hello});
  broker_says(frame::welcome);
  EXPECT_EQ(sent(), frames{frame::registration});
  EXPECT_FALSE(state_.is_linked());
  broker_says(frame::registered, {}, {}, 0, "auth");
  EXPECT_TRUE(state_.is_linked());
  EXPECT_EQ(all<link_changed>().size(), 1u);
}

TEST_F(node, a_request_without_a_link_fails_and_did_not_begin) {
  feed(request(1, now_ + 1s));
  ASSERT_EQ(failures().size(), 1u);
  EXPECT_EQ(failures()[0].code, errc::unavailable);
  EXPECT_EQ(failures()[0].started, started_state::no);
}

TEST_F(node, a_request_carries_the_time_that_is_left) {
  link();
  feed(request(1, now_ + 1500ms));
  EXPECT_EQ(all<frame_to_broker>()[0].header.ttl_ms, 1500u);
}

TEST_F(node, partials_and_the_end_are_answered_and_what_comes_later_dropped) {
  link();
  feed(request(1, now_ + 1s));
  broker_says(frame::partial, {7, 1}, "p", 1);
  EXPECT_EQ(std::get<bus_partial>(all<bus_answer>()[0]).seq, 1u);
  broker_says(frame::final, {7, 1}, "end", 1);
  EXPECT_EQ(std::get<bus_finished>(all<bus_answer>()[0]).body, "end");
  broker_says(frame::final, {7, 1}, "again");
  EXPECT_TRUE(out_.empty());
  EXPECT_EQ(state_.dropped(), 1u);
}

TEST_F(node, an_error_arrives_whole) {
  link();
  feed(request(1, now_ + 1s));
  auto why = make_error(errc::rate_limited, "slow down", "x");
  why.retry_after_ms = 5;
  broker_says(frame::error, {7, 1}, msgpack_codec::encode(why));
  EXPECT_EQ(failures(), std::vector<error>{why});
}

TEST_F(node, answers_itself_when_the_broker_does_not_by_the_deadline) {
  link();
  feed(request(1, now_ + 500ms));
  now_ += 600ms;
  feed(time_passed{});
  ASSERT_EQ(failures().size(), 1u);
  EXPECT_EQ(failures()[0].code, errc::deadline_exceeded);
  EXPECT_EQ(state_.asked(), 0u);
}

TEST_F(node, a_request_past_its_deadline_is_not_sent) {
  link();
  feed(request(1, now_));
  EXPECT_EQ(failures()[0].code, errc::deadline_exceeded);
  EXPECT_TRUE(sent().empty());
}

TEST_F(node, a_header_or_body_past_the_bounds_is_not_sent) {
  link();
  auto r = request(1, now_ + 1s);
  r.credential = std::string(limits::wire_header_bytes, 'x');
  feed(std::move(r));
  EXPECT_EQ(failures()[0].code, errc::too_large);
  r = request(2, now_ + 1s);
  r.body = std::string(limits::bus_body_bytes + 1, 'x');
  feed(std::move(r));
  EXPECT_EQ(failures()[0].code, errc::too_large);
  EXPECT_EQ(state_.asked(), 0u);
}

TEST_F(node, work_is_answered_once) {
  link();
  work(1);
  const auto r = std::get<bus_request>(all<bus_work>()[0]);
  EXPECT_EQ(r.method, "auth.me/v1");
  EXPECT_EQ(r.body, "body");
  feed(send_partial{{50, 1}, 3, "p"});
  EXPECT_EQ(all<frame_to_broker>()[0].header.seq, 3u);
  feed(send_final{{50, 1}, "end"});
  EXPECT_EQ(sent(), frames{frame::final});
  EXPECT_EQ(all<frame_to_broker>()[0].header.seq, 3u) << "of the last partial";
  feed(send_failure{{50, 1}, make_error(errc::internal, "x")});
  EXPECT_TRUE(out_.empty());
  EXPECT_EQ(state_.served(), 0u);
}

TEST_F(node, an_answer_that_no_link_can_carry_becomes_an_error) {
  link();
  work(1);
  feed(send_final{{50, 1}, std::string(limits::bus_body_bytes + 1, 'x')});
  EXPECT_EQ(sent(), frames{frame::error});
}

TEST_F(node, a_delegated_call_is_another_nodes) {
  link();
  work(1);
  auto r = request(1, now_ + 1s);
  r.cid = {50, 1};
  r.delegated = true;
  feed(std::move(r));
  ASSERT_EQ(sent(), frames{frame::request});
  const auto header = all<frame_to_broker>()[0].header;
  EXPECT_TRUE((header.flags & delegated) != 0);
  EXPECT_EQ(header.cid, (call_id{50, 1}));
  EXPECT_EQ(header.mid.incarnation, 7u);
  EXPECT_EQ(state_.served(), 0u);
  EXPECT_EQ(state_.asked(), 0u) << "its answers do not come here";
}

TEST_F(node, windows_and_cancels_of_served_calls_reach_the_worker) {
  link();
  work(1);
  broker_says(frame::window, {50, 1}, encode(window_body{4, 5, 6, false}));
  EXPECT_EQ(std::get<bus_window>(all<bus_work>()[0]).frames, 5u);
  broker_says(frame::cancel, {50, 1});
  EXPECT_EQ(all<bus_work>().size(), 1u);
}

TEST_F(node, the_slot_of_a_call_that_never_came_is_given_back) {
  link();
  broker_says(frame::cancel, {50, 2});
  EXPECT_EQ(sent(), frames{frame::credit});
  EXPECT_EQ(all<frame_to_broker>()[0].header.cid, (call_id{50, 2}));
  broker_says(frame::window, {50, 2}, encode(window_body{4, 5, 6, false}));
  EXPECT_TRUE(out_.empty());
}

TEST_F(node, a_partial_that_comes_twice_is_told_once) {
  link();
  feed(request(1, now_ + 1s));
  broker_says(frame::partial, {7, 1}, "p", 1);
  broker_says(frame::partial, {7, 1}, "p", 1);
  EXPECT_TRUE(out_.empty());
  broker_says(frame::partial, {7, 1}, "q", 2);
  EXPECT_EQ(all<bus_answer>().size(), 1u);
}

TEST_F(node, a_welcome_that_never_comes_is_not_waited_for) {
  feed(link_up{1, {}});
  while (all<relink>().empty() && now_ < instant(1h + 10s)) {
    now_ = state_.due();
    feed(time_passed{});
  }
  EXPECT_EQ(now_, instant(1h + 2s));
}

TEST_F(node, heartbeats_do_not_make_up_for_a_welcome) {
  feed(link_up{1, {}});
  bool is_given_up = false;
  for (int n = 0; n < 5 && !is_given_up; ++n) {
    now_ += 500ms;
    broker_says(frame::heartbeat);
    feed(time_passed{});
    is_given_up = !all<relink>().empty();
  }
  EXPECT_TRUE(is_given_up);
}

TEST_F(node, a_registration_that_is_not_confirmed_makes_it_start_over) {
  feed(link_up{1, {}});
  broker_says(frame::welcome);
  while (all<relink>().empty() && now_ < instant(1h + 10s)) {
    now_ += 500ms;
    broker_says(frame::heartbeat);
    feed(time_passed{});
  }
  EXPECT_EQ(now_, instant(1h + 2s));
}

TEST_F(node, a_draining_node_rejects_work_and_finishes_its_own) {
  link();
  work(1);
  feed(drain_started{});
  EXPECT_EQ(sent(), frames{frame::drain});
  work(2);
  EXPECT_EQ(sent(), frames{frame::reject});
  feed(send_final{{50, 1}, "end"});
  EXPECT_EQ(sent(), frames{frame::final});
}

TEST_F(node, a_draining_node_registers_with_a_new_link_so_that_its_calls_can_move_there) {
  link();
  work(1);
  feed(drain_started{});
  feed(link_down{1});
  feed(link_up{1, {}});
  EXPECT_EQ(sent(), frames{frame::hello});
  broker_says(frame::welcome);
  const auto said = sent();
  ASSERT_GE(said.size(), 2u);
  EXPECT_EQ(said[0], frame::drain) << "so that it gets no new ones";
  EXPECT_EQ(said[1], frame::registration);
}

TEST_F(node, beats_every_second_and_gives_up_a_silent_broker) {
  link();
  int beats = 0;
  for (int n = 0; n < 2; ++n) {
    now_ += 1s;
    feed(time_passed{});
    beats += sent() == frames{frame::heartbeat};
  }
  EXPECT_EQ(beats, 2);
  now_ += 1s;
  feed(time_passed{});
  EXPECT_EQ(all<relink>().size(), 1u);
  EXPECT_FALSE(state_.is_linked());
}

TEST_F(node, a_broker_that_does_not_welcome_is_given_up) {
  feed(link_up{1, {}});
  EXPECT_EQ(state_.due(), now_ + 2s);
  now_ += 1s;
  feed(time_passed{});
  now_ += 1s;
  feed(time_passed{});
  EXPECT_EQ(all<relink>().size(), 1u);
}

TEST_F(node, after_a_freeze_of_its_own_it_does_not_blame_the_broker) {
  link();
  now_ += 60s;
  feed(time_passed{});
  EXPECT_TRUE(all<relink>().empty());
}

TEST_F(node, a_goodbye_of_the_broker_asks_for_another_link) {
  link();
  broker_says(frame::goodbye);
  EXPECT_EQ(all<relink>().size(), 1u);
}

TEST_F(node, stopping_says_goodbye_and_fails_what_was_asked) {
  link();
  feed(request(1, now_ + 1s));
  feed(stop_asked{});
  EXPECT_EQ(sent(), frames{frame::goodbye});
  EXPECT_EQ(failures().size(), 1u);
}

} // namespace
} // namespace troupe::wire
