// Goal: what a node does when a broker, a link or a message is lost: nothing that a living worker
// said is lost or told twice. Method: as node_state_test.cpp, with two links.
#include "tests/unit/broker/node_fixture.hpp"

#include "broker/retry_budget.hpp"

namespace troupe::wire {
namespace {

constexpr std::uint64_t worker = 50, requester = 60;

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

const call_id served{requester, 1};
using numbers = std::vector<std::uint64_t>;

// Where requests go.

TEST_F(linked_node, requests_go_to_the_broker_with_less_in_flight) {
  int first = 0;
  for (std::uint64_t n = 1; n <= 20; ++n) {
    feed(request(n, now_ + 1s));
    first += all<frame_to_broker>().at(0).over == 1;
  }
  EXPECT_EQ(first, 10);
}

TEST_F(linked_node, a_silent_or_a_leaving_broker_gets_none_while_another_is_there) {
  pass(1600ms, {2});
  for (std::uint64_t n = 1; n <= 8; ++n) {
    feed(request(n, now_ + 1s));
    EXPECT_EQ(all<frame_to_broker>().at(0).over, 2u);
  }
  broker_says(frame::heartbeat);
  broker_says(frame::drain, {}, {}, 0, {}, 2);
  feed(request(9, now_ + 1s));
  EXPECT_EQ(all<frame_to_broker>().at(0).over, 1u);
  EXPECT_FALSE(state_.is_broker_leaving()) << "not all of them";
  broker_says(frame::drain);
  feed(request(10, now_ + 1s));
  EXPECT_EQ(all<frame_to_broker>().size(), 1u) << "better than none";
  EXPECT_TRUE(state_.is_broker_leaving());
}

TEST_F(linked_node, each_broker_gives_its_share_of_the_capacity) {
  feed(link_up{3, {}});
  broker_says(frame::welcome, {}, {}, 0, {}, 3);
  const auto offers = sent(frame::registration);
  ASSERT_EQ(offers.size(), 3u) << "everybody is told";
  for (const auto& f : offers) EXPECT_EQ(decode_capacity(f.body)->capacity, 2u);
  feed(link_down{3});
  ASSERT_EQ(sent(frame::registration).size(), 2u);
  EXPECT_EQ(decode_capacity(sent(frame::registration)[0].body)->capacity, 3u);
}

TEST_F(linked_node, one_lost_link_of_two_is_no_change) {
  feed(link_down{1});
  EXPECT_TRUE(state_.is_linked());
  EXPECT_TRUE(all<link_changed>().empty());
  feed(link_down{2});
  EXPECT_FALSE(state_.is_linked());
}

TEST_F(linked_node, tells_brokers_where_it_is_linked_and_hears_where_others_are) {
  pass(1100ms, {1, 2});
  const auto beats = sent(frame::heartbeat);
  ASSERT_FALSE(beats.empty());
  EXPECT_EQ(decode_heartbeat(beats[0].body)->brokers,
            (std::vector<std::string>{"tcp://127.0.0.1:7701", "tcp://127.0.0.1:7702"}));
  broker_says(frame::heartbeat, {}, encode(heartbeat_body{0, 0, {"tcp://127.0.0.1:7709"}}));
  ASSERT_EQ(all<brokers_heard>().size(), 1u);
  EXPECT_EQ(all<brokers_heard>()[0].addresses[0], "tcp://127.0.0.1:7709");
}

// The requester.

TEST_F(linked_node, an_idempotent_request_is_asked_again_when_its_broker_is_gone) {
  const auto cid = ask_over(1, true);
  feed(link_down{1});
  const auto again = sent(frame::request);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].over, 2u);
  EXPECT_EQ(again[0].header.cid, cid);
  EXPECT_EQ(again[0].header.svc, "auth.me/v1");
  peer_says(worker, frame::final, cid, "end", 0, 2);
  EXPECT_EQ(std::get<bus_finished>(all<bus_answer>()[0]).body, "end");
}

TEST_F(linked_node, a_request_that_finds_no_service_at_one_broker_is_asked_at_another) {
  const auto cid = ask_over(1);
  const auto why = not_begun(make_error(errc::unavailable, "no node serves 'auth'"));
  broker_says(frame::error, cid, msgpack_codec::encode(why));
  ASSERT_EQ(sent(frame::request).size(), 1u);
  EXPECT_EQ(sent(frame::request)[0].over, 2u);
  EXPECT_TRUE(failures().empty());
  broker_says(frame::error, cid, msgpack_codec::encode(why), 0, {}, 2);
  broker_says(frame::error, cid, msgpack_codec::encode(why));
  ASSERT_EQ(failures().size(), 1u) << "three attempts are enough";
  EXPECT_EQ(failures()[0].started, started_state::no);
}

TEST_F(linked_node, what_may_have_begun_is_not_asked_again) {
  const auto cid = ask_over(1);
  auto why = make_error(errc::worker_lost, "gone");
  why.started = started_state::unknown;
  broker_says(frame::error, cid, msgpack_codec::encode(why));
  EXPECT_TRUE(sent(frame::request).empty());
  EXPECT_EQ(failures(), std::vector<error>{why});
}

TEST_F(linked_node, a_stream_goes_on_through_another_broker) {
  const auto cid = ask_over(1);
  peer_says(worker, frame::partial, cid, "a", 1);
  peer_says(worker, frame::partial, cid, "b", 2);
  feed(link_down{1});
  EXPECT_TRUE(failures().empty());
  const auto searches = sent(frame::window);
  ASSERT_EQ(searches.size(), 1u);
  EXPECT_EQ(searches[0].over, 2u);
  EXPECT_EQ(searches[0].header.to, worker);
  const auto asked = decode_window(searches[0].body).value();
  EXPECT_TRUE(asked.resend);
  EXPECT_EQ(asked.acked_seq, 2u);
  peer_says(worker, frame::accept, cid, {}, 1, 2);
  EXPECT_EQ(sent(frame::window).size(), 1u) << "the worker is told that it was heard";
  peer_says(worker, frame::partial, cid, "b", 2, 2);
  EXPECT_TRUE(partials().empty()) << "told once";
  peer_says(worker, frame::partial, cid, "c", 3, 2);
  EXPECT_EQ(partials(), numbers{3});
  peer_says(worker, frame::final, cid, "end", 3, 2);
  EXPECT_EQ(all<bus_answer>().size(), 1u);
}

TEST_F(linked_node, a_request_whose_worker_is_not_known_waits_for_it_to_speak_up) {
  const auto cid = ask_over(1);
  feed(link_down{1});
  EXPECT_TRUE(failures().empty());
  peer_says(worker, frame::accept, cid, {}, 1, 2);
  peer_says(worker, frame::final, cid, "end", 0, 2);
  EXPECT_EQ(all<bus_answer>().size(), 1u);
}

TEST_F(linked_node, a_worker_that_nobody_finds_is_given_up_after_two_and_a_half_seconds) {
  const auto cid = ask_over(1);
  peer_says(worker, frame::partial, cid, "a", 1);
  feed(link_down{1});
  pass(2400ms, {2});
  EXPECT_TRUE(failures().empty());
  pass(200ms, {2});
  ASSERT_EQ(failures().size(), 1u);
  EXPECT_EQ(failures()[0].code, errc::worker_lost);
  EXPECT_EQ(failures()[0].started, started_state::yes);
  EXPECT_EQ(state_.asked(), 0u);
}

TEST_F(linked_node, an_idempotent_request_whose_worker_was_lost_is_asked_elsewhere) {
  const auto cid = ask_over(1, true);
  auto why = make_error(errc::worker_lost, "gone");
  why.started = started_state::unknown;
  broker_says(frame::error, cid, msgpack_codec::encode(why));
  ASSERT_EQ(sent(frame::request).size(), 1u);
  EXPECT_EQ(sent(frame::request)[0].over, 2u);
}

TEST_F(linked_node, who_was_told_unknown_once_is_not_told_no_later) {
  const auto cid = ask_over(1, true);
  auto why = make_error(errc::worker_lost, "gone");
  broker_says(frame::error, cid, msgpack_codec::encode(why));
  why = not_begun(make_error(errc::unavailable, "nobody"));
  broker_says(frame::error, cid, msgpack_codec::encode(why), 0, {}, 2);
  broker_says(frame::error, cid, msgpack_codec::encode(why));
  EXPECT_TRUE(failures().empty()) << "its worker may speak up";
  pass(2600ms, {1, 2});
  ASSERT_EQ(failures().size(), 1u);
  EXPECT_EQ(failures()[0].started, started_state::unknown);
}

TEST_F(linked_node, what_was_cancelled_is_not_asked_elsewhere) {
  const auto cid = ask_over(1);
  feed(bus_cancel{cid});
  const auto why = not_begun(make_error(errc::unavailable, "nobody"));
  broker_says(frame::error, cid, msgpack_codec::encode(why));
  EXPECT_TRUE(sent(frame::request).empty());
  EXPECT_EQ(failures().size(), 1u);
}

TEST_F(linked_node, home_is_where_the_worker_that_counts_is) {
  const auto cid = ask_over(1, true);
  peer_says(worker, frame::accept, cid, {}, 1, 2);
  peer_says(worker + 1, frame::partial, cid, "a", 1, 1);
  const auto why = make_error(errc::worker_lost, "gone");
  broker_says(frame::error, cid, msgpack_codec::encode(why));
  EXPECT_EQ(failures().size(), 1u);
}

TEST_F(linked_node, asking_again_ends_the_search_for_what_was_missing) {
  const auto cid = ask_over(1, true);
  peer_says(worker, frame::partial, cid, "b", 2);
  const auto why = make_error(errc::worker_lost, "gone");
  broker_says(frame::error, cid, msgpack_codec::encode(why));
  EXPECT_EQ(sent(frame::request).size(), 1u);
  pass(3s, {1, 2});
  EXPECT_TRUE(failures().empty());
}

TEST_F(linked_node, stopping_says_goodbye_and_nothing_else) {
  feed(stop_asked{});
  EXPECT_EQ(sent(), (frames{frame::goodbye, frame::goodbye}));
}

TEST_F(linked_node, a_worker_that_is_not_known_is_looked_for_by_its_method) {
  const auto cid = ask_over(1);
  feed(link_down{1});
  ASSERT_EQ(sent(frame::window).size(), 1u);
  const auto search = sent(frame::window)[0];
  EXPECT_EQ(search.header.cid, cid);
  EXPECT_EQ(search.header.to, 0u);
  EXPECT_EQ(search.header.svc, "auth.me/v1");
  EXPECT_TRUE(decode_window(search.body)->resend);
}

TEST_F(linked_node, a_broker_that_the_worker_has_left_has_no_say) {
  const auto cid = ask_over(1);
  peer_says(worker, frame::partial, cid, "a", 1);
  peer_says(worker, frame::accept, cid, {}, 1, 2);
  auto why = make_error(errc::worker_lost, "gone");
  broker_says(frame::error, cid, msgpack_codec::encode(why));
  EXPECT_TRUE(failures().empty());
  EXPECT_EQ(state_.asked(), 1u);
}

TEST_F(linked_node, an_older_move_does_not_undo_a_later_one) {
  const auto cid = ask_over(1);
  peer_says(worker, frame::accept, cid, {}, 2, 2);
  peer_says(worker, frame::accept, cid, {}, 1, 1);
  feed(bus_window{cid, 0, 3, 30});
  ASSERT_EQ(sent(frame::window).size(), 1u);
  EXPECT_EQ(sent(frame::window)[0].over, 2u);
}

TEST_F(linked_node, a_second_worker_of_the_same_call_is_turned_away) {
  const auto cid = ask_over(1, true);
  peer_says(worker, frame::partial, cid, "a", 1);
  peer_says(worker + 1, frame::partial, cid, "b", 2, 2);
  EXPECT_TRUE(partials().empty());
  ASSERT_EQ(sent(frame::cancel).size(), 1u);
  EXPECT_EQ(sent(frame::cancel)[0].header.to, worker + 1);
}

TEST_F(linked_node, a_worker_of_a_call_that_has_ended_is_turned_away) {
  peer_says(worker, frame::accept, {7, 99}, {}, 1, 2);
  ASSERT_EQ(sent(frame::cancel).size(), 1u);
  EXPECT_EQ(sent(frame::cancel)[0].header.to, worker);
}

TEST_F(linked_node, a_hole_in_a_stream_is_asked_for) {
  for (const bool is_at_the_end : {false, true}) {
    const auto cid = ask_over(1);
    peer_says(worker, frame::partial, cid, "a", 1);
    if (is_at_the_end)
      peer_says(worker, frame::final, cid, "end", 2);
    else
      peer_says(worker, frame::partial, cid, "c", 3);
    EXPECT_TRUE(all<bus_answer>().empty());
    ASSERT_EQ(sent(frame::window).size(), 1u);
    EXPECT_EQ(decode_window(sent(frame::window)[0].body)->acked_seq, 1u);
    peer_says(worker, frame::accept, cid, {}, 1);
    peer_says(worker, frame::partial, cid, "b", 2);
    EXPECT_EQ(partials(), numbers{2});
  }
}

TEST_F(linked_node, a_hole_that_nobody_fills_ends_the_call) {
  const auto cid = ask_over(1);
  peer_says(worker, frame::partial, cid, "b", 2);
  pass(2600ms, {1, 2});
  ASSERT_EQ(failures().size(), 1u);
  EXPECT_EQ(failures()[0].code, errc::upstream_failed);
  EXPECT_FALSE(sent(frame::cancel).empty());
}

TEST_F(linked_node, a_call_of_which_nothing_is_heard_asks_what_is_missing) {
  const auto cid = ask_over(1);
  peer_says(worker, frame::partial, cid, "a", 1);
  pass(1900ms, {1, 2});
  EXPECT_TRUE(sent(frame::window).empty());
  pass(1200ms, {1, 2});
  ASSERT_EQ(sent(frame::window).size(), 1u);
  const auto said = decode_window(sent(frame::window)[0].body).value();
  EXPECT_TRUE(said.resend);
  EXPECT_EQ(said.acked_seq, 1u);
}

TEST_F(linked_node, credit_is_said_as_a_sum) {
  const auto cid = ask_over(1);
  feed(bus_window{cid, 0, 3, 30});
  feed(bus_window{cid, 0, 4, 40});
  const auto said = decode_window(sent(frame::window).at(0).body).value();
  EXPECT_EQ(said.granted_frames, 7u);
  EXPECT_EQ(said.granted_bytes, 70u);
}

TEST_F(linked_node, what_is_cancelled_is_not_searched_for) {
  const auto cid = ask_over(1);
  peer_says(worker, frame::partial, cid, "a", 1);
  feed(bus_cancel{cid});
  feed(link_down{1});
  ASSERT_EQ(failures().size(), 1u);
  EXPECT_EQ(failures()[0].code, errc::cancelled);
  ASSERT_EQ(sent(frame::cancel).size(), 1u) << "the worker hears of it";
  EXPECT_EQ(sent(frame::cancel)[0].over, 2u);
}

TEST_F(linked_node, a_reset_is_a_loss_and_a_new_hello) {
  const auto cid = ask_over(1, true);
  broker_says(frame::reset);
  EXPECT_EQ(sent(frame::hello).size(), 1u);
  ASSERT_EQ(sent(frame::request).size(), 1u);
  EXPECT_EQ(sent(frame::request)[0].header.cid, cid);
  broker_says(frame::welcome);
  EXPECT_EQ(sent(frame::registration).size(), 2u);
}

// The worker.

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
  EXPECT_EQ(state_.served(), 0u);
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
