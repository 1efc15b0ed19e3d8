// Goal: a node that asks its brokers how they stand gets one answer, in time, that names those that
// said nothing. Method: the pure state machine of a node with two links under virtual time.
#include "tests/unit/broker/node_fixture.hpp"

namespace troupe::wire {
namespace {

class stats : public linked_node {
protected:
  /// The id that the frames carry.
  call_id ask_brokers(std::uint64_t number = 1) {
    feed(stats_asked{number, 1s});
    const auto frames = sent(frame::stats);
    return frames.empty() ? call_id{} : frames.front().header.cid;
  }
  std::optional<stats_heard> heard() const {
    const auto some = all<stats_heard>();
    return some.empty() ? std::nullopt : std::optional(some.front());
  }
  static std::string code_of(const bus_stats& said) {
    return said.why ? std::string(to_string(said.why->code)) : "";
  }
};

TEST_F(stats, every_broker_is_asked_and_all_answers_come_at_once) {
  const auto id = ask_brokers(7);
  EXPECT_EQ(sent(frame::stats).size(), 2u);
  broker_says(frame::stats, id, "one", 0, {}, 1);
  EXPECT_FALSE(heard());
  broker_says(frame::stats, id, "two", 0, {}, 2);
  const auto said = heard();
  ASSERT_TRUE(said);
  EXPECT_EQ(said->number, 7u);
  ASSERT_EQ(said->answers.size(), 2u);
  EXPECT_EQ(said->answers[0].broker, "tcp://127.0.0.1:7701");
  EXPECT_EQ(said->answers[0].body, "one");
  EXPECT_FALSE(said->answers[0].why);
  EXPECT_EQ(said->answers[1].body, "two");
}

TEST_F(stats, a_silent_broker_is_named_when_the_time_is_over) {
  broker_says(frame::stats, ask_brokers(), "one", 0, {}, 1);
  pass(950ms, {1, 2});
  EXPECT_FALSE(heard());
  pass(50ms, {1, 2});
  const auto said = heard();
  ASSERT_TRUE(said);
  ASSERT_EQ(said->answers.size(), 2u);
  EXPECT_EQ(said->answers[1].broker, "tcp://127.0.0.1:7702");
  EXPECT_EQ(code_of(said->answers[1]), "deadline_exceeded");
  EXPECT_TRUE(said->answers[1].body.empty());
}

TEST_F(stats, a_broker_whose_link_is_lost_is_not_waited_for) {
  const auto id = ask_brokers();
  broker_says(frame::stats, id, "one", 0, {}, 1);
  feed(link_down{2});
  ASSERT_TRUE(heard());
  EXPECT_EQ(code_of(heard()->answers[1]), "unavailable");
}

TEST_F(stats, a_broker_that_forgot_this_node_is_not_waited_for) {
  const auto id = ask_brokers();
  broker_says(frame::stats, id, "one", 0, {}, 1);
  broker_says(frame::reset, {}, {}, 0, {}, 2);
  ASSERT_TRUE(heard());
  EXPECT_EQ(code_of(heard()->answers[1]), "unavailable");
}

TEST_F(stats, a_refusal_is_an_answer) {
  const auto id = ask_brokers();
  broker_says(frame::stats, id, "one", 0, {}, 1);
  broker_says(frame::error, id, msgpack_codec::encode(make_error(errc::forbidden, "no")), 0, {}, 2);
  ASSERT_TRUE(heard());
  EXPECT_EQ(code_of(heard()->answers[1]), "forbidden");
}

TEST_F(stats, a_broker_that_answers_twice_counts_once_and_one_that_was_not_asked_not_at_all) {
  const auto id = ask_brokers();
  broker_says(frame::stats, id, "one", 0, {}, 1);
  broker_says(frame::stats, id, "one again", 0, {}, 1);
  EXPECT_FALSE(heard());
  broker_says(frame::stats, {7, 12345}, "out of the blue", 0, {}, 2);
  EXPECT_FALSE(heard());
  broker_says(frame::stats, id, "two", 0, {}, 2);
  EXPECT_EQ(heard()->answers.size(), 2u);
}

TEST_F(stats, two_questions_at_a_time_are_told_apart) {
  const auto first = ask_brokers(1), second = ask_brokers(2);
  for (const link_id over : {1u, 2u}) broker_says(frame::stats, second, "b", 0, {}, over);
  ASSERT_TRUE(heard());
  EXPECT_EQ(heard()->number, 2u);
  for (const link_id over : {1u, 2u}) broker_says(frame::stats, first, "a", 0, {}, over);
  EXPECT_EQ(heard()->number, 1u);
}

TEST_F(stats, a_node_without_links_is_answered_at_once) {
  feed(link_down{1});
  feed(link_down{2});
  ask_brokers(3);
  ASSERT_TRUE(heard());
  EXPECT_EQ(heard()->number, 3u);
  EXPECT_TRUE(heard()->answers.empty());
}

TEST_F(stats, questions_are_bounded) {
  for (std::uint64_t n = 1; n <= 64; ++n) ask_brokers(n);
  EXPECT_FALSE(heard());
  ask_brokers(65);
  ASSERT_TRUE(heard());
  EXPECT_EQ(heard()->number, 65u);
}

TEST_F(stats, a_node_that_stops_leaves_no_question_open) {
  ask_brokers(4);
  feed(stop_asked{});
  ASSERT_TRUE(heard());
  EXPECT_EQ(heard()->number, 4u);
}

} // namespace
} // namespace troupe::wire
