// Goal: what a worker's node does when a broker, a link or its requester is lost: what it said is
// not lost, and nothing begins again. Method: as node_losses_test.cpp.
#include "tests/unit/broker/node_fixture.hpp"

namespace troupe::wire {
namespace {

constexpr std::uint64_t requester = 60;
const call_id served{requester, 1};

TEST_F(linked_node, a_worker_moves_its_call_and_says_again_what_was_not_acknowledged) {
  serve(served);
  for (std::uint64_t n = 1; n <= 3; ++n) feed(send_partial{served, n, "p"});
  peer_says(requester, frame::window, served, encode(window_body{1, 4, 4, false}));
  lose(1);
  ASSERT_EQ(sent(), (frames{frame::accept, frame::partial, frame::partial}));
  const auto said = all<frame_to_broker>();
  EXPECT_EQ(said[0].header.svc, "auth.me/v1");
  EXPECT_EQ(said[0].header.seq, 1u);
  EXPECT_EQ(said[1].header.seq, 2u);
  EXPECT_EQ(said[2].header.seq, 3u);
  for (const auto& f : said) EXPECT_EQ(f.over, 2u);
  feed(send_partial{served, 4, "p"});
  EXPECT_EQ(all<frame_to_broker>().at(0).over, 2u);
}

TEST_F(linked_node, a_move_that_nobody_confirms_is_tried_elsewhere_and_given_up) {
  serve(served);
  lose(1);
  link(1);
  broker_says(frame::reject, served, {}, 0, {}, 2);
  EXPECT_TRUE(all<bus_work>().empty());
  pass(2400ms, {1, 2});
  EXPECT_GT(sent(frame::accept).size(), 5u);
  pass(300ms, {1, 2});
  ASSERT_EQ(all<bus_work>().size(), 1u);
  EXPECT_EQ(std::get<bus_cancel>(all<bus_work>()[0]).cid, served);
  // Until its work has ended the same call does not begin once more beside it.
  EXPECT_EQ(state_.served(), 1u);
  broker_says(frame::request, served, "body", 0, "auth.me/v1");
  EXPECT_EQ(sent(), frames{frame::error}) << "not REJECT: nobody else may begin it, either";
  EXPECT_TRUE(all<bus_work>().empty());
  peer_says(requester, frame::window, served, encode(window_body{0, 0, 0, true}));
  EXPECT_TRUE(sent().empty());
  feed(send_failure{served, make_error(errc::cancelled, "cancelled")});
  EXPECT_EQ(sent(), frames{frame::error}) << "a broker may count its slot as taken";
  EXPECT_EQ(state_.served(), 0u);
  broker_says(frame::request, served, "body", 0, "auth.me/v1");
  EXPECT_EQ(sent(), frames{frame::error}) << "it begins once";
}

TEST_F(linked_node, a_late_confirmation_of_an_earlier_move_counts) {
  serve(served);
  link(3);
  lose(1); // goes to 2
  pass(100ms, {2, 3});
  peer_says(requester, frame::window, served, encode(window_body{0, 0, 0, false}), 0, 2);
  pass(4s, {2, 3});
  EXPECT_TRUE(all<bus_work>().empty());
  feed(send_partial{served, 1, "p"});
  EXPECT_EQ(all<frame_to_broker>().at(0).over, 2u);
}

TEST_F(linked_node, a_running_call_is_sent_back_and_looks_on) {
  serve(served);
  peer_says(requester, frame::window, served, encode(window_body{0, 0, 0, true}), 0, 2);
  broker_says(frame::reject, served, {}, 0, {}, 2);
  pass(2600ms, {1, 2});
  EXPECT_EQ(all<bus_work>().size(), 1u) << "nobody knows its requester";
}

TEST_F(linked_node, ends_are_offered_once_a_second) {
  serve(served);
  feed(send_final{served, "end"});
  lose(1);
  EXPECT_EQ(sent(frame::accept).size(), 1u);
  broker_says(frame::reject, served, {}, 0, {}, 2);
  pass(3s, {2});
  EXPECT_LE(sent(frame::accept).size(), 3u);
}

TEST_F(linked_node, a_confirmed_move_is_the_last) {
  serve(served);
  lose(1);
  peer_says(requester, frame::window, served, encode(window_body{0, 0, 0, false}), 0, 2);
  pass(3s, {2});
  EXPECT_TRUE(sent(frame::accept).empty());
  EXPECT_TRUE(all<bus_work>().empty());
}

TEST_F(linked_node, an_answer_that_its_broker_took_along_is_said_again) {
  serve(served);
  feed(send_partial{served, 1, "p"});
  feed(send_final{served, "end"});
  EXPECT_EQ(state_.served(), 0u);
  lose(1);
  EXPECT_EQ(sent(), (frames{frame::accept, frame::partial, frame::final}));
  EXPECT_EQ(all<frame_to_broker>()[2].body, "end");
}

TEST_F(linked_node, an_answer_is_kept_for_five_seconds) {
  serve(served);
  feed(send_final{served, "end"});
  pass(5100ms, {1, 2});
  lose(1);
  EXPECT_TRUE(sent().empty());
}

TEST_F(linked_node, an_answer_that_can_be_asked_for_again_is_not_kept) {
  serve(served, 1, idempotent);
  feed(send_final{served, "end"});
  lose(1);
  EXPECT_TRUE(sent().empty());
}

TEST_F(linked_node, a_requester_that_looks_for_its_worker_finds_it) {
  serve(served);
  feed(send_partial{served, 1, "p"});
  feed(send_partial{served, 2, "p"});
  peer_says(requester, frame::window, served, encode(window_body{1, 0, 0, true}), 0, 2);
  ASSERT_EQ(sent(), (frames{frame::credit, frame::accept, frame::partial}));
  const auto said = all<frame_to_broker>();
  EXPECT_EQ(said[0].over, 1u) << "the broker of before need not care any more";
  EXPECT_EQ(said[0].header.flags, moved);
  EXPECT_EQ(said[1].over, 2u);
  EXPECT_EQ(said[2].header.seq, 2u);
}

TEST_F(linked_node, a_broker_that_lost_the_requester_does_not_end_a_call_that_moved_on) {
  serve(served);
  peer_says(requester, frame::window, served, encode(window_body{0, 0, 0, true}), 0, 2);
  broker_says(frame::cancel, served);
  EXPECT_TRUE(all<bus_work>().empty());
  ASSERT_EQ(sent(frame::credit).size(), 1u);
  EXPECT_EQ(sent(frame::credit)[0].header.flags, moved);
  peer_says(requester, frame::cancel, served, {}, 0, 1);
  EXPECT_EQ(all<bus_work>().size(), 1u) << "the requester itself may, whichever way";
}

class widowed_call : public linked_node {
protected:
  widowed_call() {
    serve(served);
    envelope e;
    e.type = frame::cancel;
    e.flags = lost;
    e.mid = {101, 1};
    e.cid = served;
    feed(broker_frame{1, std::move(e), {}});
  }
};

TEST_F(widowed_call, looks_for_its_requester_at_the_other_brokers) {
  EXPECT_TRUE(all<bus_work>().empty());
  EXPECT_EQ(sent(), (frames{frame::credit, frame::accept}));
  EXPECT_EQ(all<frame_to_broker>()[1].over, 2u);
  peer_says(requester, frame::window, served, encode(window_body{0, 0, 0, false}), 0, 2);
  pass(3s, {1, 2});
  EXPECT_TRUE(all<bus_work>().empty());
}

TEST_F(widowed_call, ends_when_they_do_not_know_it_either) {
  broker_says(frame::reject, served, {}, 0, {}, 2);
  pass(50ms, {1, 2});
  ASSERT_EQ(all<bus_work>().size(), 1u);
  EXPECT_EQ(std::get<bus_cancel>(all<bus_work>()[0]).cid, served);
}

TEST_F(widowed_call, ends_after_a_second_when_nobody_says_anything) {
  pass(900ms, {1, 2});
  EXPECT_TRUE(all<bus_work>().empty());
  pass(200ms, {1, 2});
  EXPECT_EQ(all<bus_work>().size(), 1u);
}

TEST_F(node, a_lost_requester_ends_its_call_where_there_is_no_other_broker) {
  link();
  work(1);
  envelope e;
  e.type = frame::cancel;
  e.flags = lost;
  e.mid = {101, 1};
  e.cid = {50, 1};
  feed(broker_frame{1, std::move(e), {}});
  EXPECT_EQ(all<bus_work>().size(), 1u);
}

TEST_F(linked_node, a_request_that_comes_again_is_not_worked_on_again) {
  serve(served, 1, idempotent);
  serve(served, 2, idempotent);
  EXPECT_TRUE(all<bus_work>().empty());
  feed(send_final{served, "end"});
  EXPECT_EQ(all<frame_to_broker>().at(0).over, 2u);
}

TEST_F(linked_node, lost_credit_comes_with_the_next) {
  serve(served);
  peer_says(requester, frame::window, served, encode(window_body{0, 7, 70, false}));
  EXPECT_EQ(std::get<bus_window>(all<bus_work>().at(0)).frames, 7u);
  peer_says(requester, frame::window, served, encode(window_body{0, 12, 120, false}));
  EXPECT_EQ(std::get<bus_window>(all<bus_work>().at(0)).frames, 5u);
  EXPECT_EQ(std::get<bus_window>(all<bus_work>().at(0)).bytes, 50u);
  peer_says(requester, frame::window, served, encode(window_body{0, 7, 70, false}));
  EXPECT_TRUE(all<bus_work>().empty()) << "an old one says nothing new";
}

TEST_F(linked_node, streams_leave_a_broker_that_leaves) {
  serve(served);
  feed(send_partial{served, 1, "p"});
  broker_says(frame::drain);
  EXPECT_EQ(sent(), (frames{frame::credit, frame::accept, frame::partial}));
  EXPECT_EQ(all<frame_to_broker>()[1].over, 2u);
}

TEST_F(linked_node, delegates_through_another_broker_when_its_own_is_gone) {
  serve(served);
  lose(1);
  auto r = request(1, now_ + 1s);
  r.cid = served;
  r.delegated = true;
  feed(std::move(r));
  ASSERT_EQ(sent(), frames{frame::request});
  EXPECT_EQ(all<frame_to_broker>()[0].over, 2u);
}

TEST_F(node, what_was_asked_waits_for_the_only_broker_to_come_back) {
  link();
  feed(request(1, now_ + 60s, true));
  feed(link_down{1});
  EXPECT_TRUE(failures().empty());
  feed(request(2, now_ + 60s));
  EXPECT_EQ(failures().at(0).code, errc::unavailable) << "but nothing new is taken";
  now_ += 500ms;
  link();
  feed(time_passed{});
  EXPECT_EQ(sent(), frames{frame::request});
}

TEST(retry_budget, is_a_tenth_of_the_requests_after_a_burst) {
  retry_budget budget;
  int free = 0;
  while (budget.spend()) ++free;
  EXPECT_EQ(free, 1000);
  for (int n = 0; n < 101; ++n) budget.earn();
  int spent = 0;
  while (budget.spend()) ++spent;
  EXPECT_EQ(spent, 10);
}

} // namespace
} // namespace troupe::wire
