// Goal: what a node does when a broker, a link or a message is lost: nothing that a living worker
// said is lost or told twice. Method: as node_state_test.cpp, with two links.
#include "tests/unit/broker/node_fixture.hpp"

#include "broker/retry_budget.hpp"

namespace troupe::wire {
namespace {

constexpr std::uint64_t worker = 50;

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
  peer_says(worker, frame::accept, cid, {}, 1, 2, "auth.me/v1");
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
  peer_says(worker, frame::accept, cid, {}, 1, 2, "auth.me/v1");
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

TEST_F(linked_node, who_asks_elsewhere_says_how_many_may_have_begun_it) {
  const auto cid = ask_over(1, true);
  auto why = make_error(errc::worker_lost, "gone");
  why.started = started_state::unknown;
  broker_says(frame::error, cid, msgpack_codec::encode(why), 2);
  ASSERT_EQ(sent(frame::request).size(), 1u);
  EXPECT_EQ(sent(frame::request)[0].header.seq, 2u);
}

TEST_F(linked_node, a_request_of_which_three_workers_died_is_not_asked_elsewhere) {
  const auto cid = ask_over(1, true);
  peer_says(worker, frame::accept, cid, {}, 1, 1, "auth.me/v1");
  auto why = make_error(errc::worker_lost, "gone");
  why.started = started_state::unknown;
  broker_says(frame::error, cid, msgpack_codec::encode(why), 3);
  EXPECT_TRUE(sent(frame::request).empty());
  EXPECT_TRUE(failures().empty()) << "the other broker may know the last one";
  broker_says(frame::error, cid, msgpack_codec::encode(why), 0, {}, 2);
  ASSERT_EQ(failures().size(), 1u) << "at once when it does not";
  EXPECT_EQ(failures()[0].code, errc::worker_lost);
  EXPECT_EQ(failures()[0].started, started_state::unknown);
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
  peer_says(worker, frame::accept, cid, {}, 1, 2, "auth.me/v1");
  peer_says(worker + 1, frame::partial, cid, "a", 1, 1);
  ASSERT_EQ(sent(frame::cancel).size(), 1u) << "the other one has it";
  EXPECT_EQ(sent(frame::cancel)[0].header.to, worker + 1);
  const auto why = make_error(errc::worker_lost, "gone");
  broker_says(frame::error, cid, msgpack_codec::encode(why));
  EXPECT_TRUE(all<bus_answer>().empty());
  peer_says(worker, frame::final, cid, "end", 0, 2);
  EXPECT_EQ(all<bus_answer>().size(), 1u);
}

TEST_F(linked_node, a_worker_that_one_broker_lost_may_be_linked_to_another) {
  const auto cid = ask_over(1);
  peer_says(worker, frame::partial, cid, "a", 1);
  const auto why = msgpack_codec::encode(make_error(errc::worker_lost, "gone"));
  broker_says(frame::error, cid, why);
  EXPECT_TRUE(failures().empty());
  peer_says(worker, frame::accept, cid, {}, 1, 2, "auth.me/v1");
  broker_says(frame::error, cid, why);
  EXPECT_TRUE(failures().empty()) << "it is at home at the other broker";
}

TEST_F(linked_node, a_worker_that_no_broker_knows_is_lost) {
  const auto cid = ask_over(1);
  peer_says(worker, frame::partial, cid, "a", 1);
  const auto why = msgpack_codec::encode(make_error(errc::worker_lost, "gone"));
  broker_says(frame::error, cid, why);
  broker_says(frame::error, cid, why, 0, {}, 2);
  ASSERT_EQ(failures().size(), 1u);
  EXPECT_EQ(failures()[0].code, errc::worker_lost);
  EXPECT_EQ(failures()[0].started, started_state::yes);
}

TEST_F(linked_node, one_broker_that_says_it_twice_is_one) {
  const auto cid = ask_over(1);
  peer_says(worker, frame::partial, cid, "a", 1);
  const auto why = msgpack_codec::encode(make_error(errc::worker_lost, "gone"));
  broker_says(frame::error, cid, why);
  broker_says(frame::error, cid, why);
  EXPECT_TRUE(failures().empty());
  broker_says(frame::error, cid, why, 0, {}, 2);
  EXPECT_EQ(failures().size(), 1u);
}

TEST_F(linked_node, who_comes_from_another_broker_says_first_what_it_has) {
  const auto cid = ask_over(1, true);
  peer_says(worker, frame::final, cid, "forged", 0, 2);
  EXPECT_TRUE(all<bus_answer>().empty());
  peer_says(worker, frame::accept, cid, {}, 1, 2, "log.append/v1");
  EXPECT_EQ(sent(frame::cancel).size(), 1u) << "it is of another service";
  peer_says(worker, frame::final, cid, "forged", 0, 2);
  EXPECT_TRUE(all<bus_answer>().empty());
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
  peer_says(worker, frame::accept, cid, {}, 1, 2, "auth.me/v1");
  auto why = make_error(errc::worker_lost, "gone");
  broker_says(frame::error, cid, msgpack_codec::encode(why));
  EXPECT_TRUE(failures().empty());
  EXPECT_EQ(state_.asked(), 1u);
}

TEST_F(linked_node, an_older_move_does_not_undo_a_later_one) {
  const auto cid = ask_over(1);
  peer_says(worker, frame::accept, cid, {}, 2, 2, "auth.me/v1");
  peer_says(worker, frame::accept, cid, {}, 1, 1, "auth.me/v1");
  feed(bus_window{cid, 0, 16, 30});
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
  peer_says(worker, frame::accept, {7, 99}, {}, 1, 2, "auth.me/v1");
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
    peer_says(worker, frame::accept, cid, {}, 1, 1, "auth.me/v1");
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

TEST_F(linked_node, who_was_to_begin_and_did_not_ends_the_call_at_once) {
  const auto cid = ask_over(1);
  peer_says(worker, frame::accept, cid);
  broker_says(frame::error, cid,
              msgpack_codec::encode(not_begun(make_error(errc::unavailable, "nobody is left"))));
  ASSERT_EQ(failures().size(), 1u);
  EXPECT_EQ(failures()[0].code, errc::unavailable);
  EXPECT_EQ(failures()[0].started, started_state::no);
}

TEST_F(linked_node, who_may_begin_once_knows_whether_it_has_begun) {
  const auto no = msgpack_codec::encode(not_begun(make_error(errc::rate_limited, "enough")));
  const auto said_of = [&](bool is_idempotent) {
    const auto cid = ask_over(1, is_idempotent);
    peer_says(worker, frame::partial, cid, "limits", 1);
    peer_says(worker, frame::error, cid, no, 1);
    EXPECT_EQ(failures().size(), 1u);
    return failures().at(0).started;
  };
  EXPECT_EQ(said_of(false), started_state::no) << "a part may be no more than limits";
  EXPECT_EQ(said_of(true), started_state::yes);
  const auto cid = ask_over(1);
  peer_says(worker, frame::partial, cid, "limits", 1);
  broker_says(frame::error, cid, no);
  ASSERT_EQ(failures().size(), 1u);
  EXPECT_EQ(failures()[0].started, started_state::yes) << "a broker does not know";
}

TEST_F(linked_node, credit_is_said_as_a_sum) {
  const auto cid = ask_over(1);
  feed(bus_window{cid, 0, 16, 30});
  feed(bus_window{cid, 0, 17, 40});
  const auto said = decode_window(sent(frame::window).at(0).body).value();
  EXPECT_EQ(said.granted_frames, 33u);
  EXPECT_EQ(said.granted_bytes, 70u);
}

TEST_F(linked_node, credit_is_passed_on_by_the_quarter) {
  const auto cid = ask_over(1);
  for (int n = 0; n < 15; ++n) {
    feed(bus_window{cid, 0, 1, 10});
    EXPECT_TRUE(sent().empty());
  }
  feed(bus_window{cid, 0, 1, 10});
  EXPECT_EQ(sent(), frames{frame::window});
  feed(bus_window{cid, 0, 1, 16u << 10});
  EXPECT_EQ(sent(), frames{frame::window}) << "a large part";
  feed(bus_window{cid, 0, 1, 10});
  lose(1);
  ASSERT_EQ(sent(frame::window).size(), 1u);
  EXPECT_EQ(decode_window(sent(frame::window)[0].body)->granted_frames, 18u) << "all of it";
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

} // namespace
} // namespace troupe::wire
