// Goal: callers take turns, priorities get their shares, bounds hold, and what makes room is what
// is worth the least. Method: the pure class.
#include "broker/call_queue.hpp"

#include <gtest/gtest.h>
#include <map>

namespace troupe::wire {
namespace {

using namespace std::chrono_literals;
using verdict = call_queue::verdict;

class waiting : public testing::Test {
protected:
  verdict wait(std::uint64_t n, const std::string& caller = "a", std::uint8_t priority = 2,
               std::chrono::milliseconds left = 60s, std::size_t bytes = 1) {
    gone_.clear();
    return queue_.push({{1, n}, caller, priority, now_ + left, now_, bytes}, now_, gone_);
  }
  std::vector<std::uint64_t> take(std::size_t count) {
    std::vector<std::uint64_t> out;
    while (out.size() < count) {
      const auto cid = queue_.pop();
      if (!cid) break;
      out.push_back(cid->counter);
    }
    return out;
  }
  using numbers = std::vector<std::uint64_t>;

  instant now_{1h};
  call_queue queue_{{6, 100, 4}};
  std::vector<call_id> gone_;
};

TEST_F(waiting, the_oldest_of_a_caller_goes_first) {
  for (std::uint64_t n = 1; n <= 3; ++n) EXPECT_EQ(wait(n), verdict::taken);
  EXPECT_EQ(take(9), (numbers{1, 2, 3}));
  EXPECT_FALSE(queue_.pop());
  EXPECT_EQ(queue_.size(), 0u);
  EXPECT_EQ(queue_.bytes(), 0u);
}

TEST_F(waiting, callers_take_turns) {
  for (std::uint64_t n = 1; n <= 4; ++n) wait(n, "heavy");
  wait(5, "light");
  wait(6, "other");
  EXPECT_EQ(take(9), (numbers{1, 5, 6, 2, 3, 4}));
}

TEST_F(waiting, control_goes_before_all) {
  wait(1, "a", 1);
  wait(2, "a", 0);
  EXPECT_EQ(take(1), numbers{2});
}

TEST(shares, each_priority_gets_its_own) {
  const instant now{1h};
  call_queue queue({10'000, 1u << 30, 10'000});
  std::vector<call_id> gone;
  for (std::uint64_t n = 0; n < 3000; ++n) {
    const auto priority = static_cast<std::uint8_t>(1 + n % 3);
    ASSERT_EQ(queue.push({{1, n}, "a", priority, now + 1h, now, 1}, now, gone), verdict::taken);
  }
  std::map<std::uint64_t, int> taken;
  for (int n = 0; n < 1000; ++n) ++taken[queue.pop()->counter % 3];
  EXPECT_EQ(taken[0], 700); // interactive
  EXPECT_EQ(taken[1], 250);
  EXPECT_EQ(taken[2], 50); // batch is not starved
}

TEST_F(waiting, one_caller_cannot_fill_it) {
  for (std::uint64_t n = 1; n <= 4; ++n) EXPECT_EQ(wait(n, "heavy"), verdict::taken);
  EXPECT_EQ(wait(5, "heavy"), verdict::callers_fill);
  EXPECT_EQ(wait(6, "light"), verdict::taken);
  take(1);
  EXPECT_EQ(wait(7, "heavy"), verdict::taken);
}

TEST_F(waiting, those_without_a_name_are_not_held_to_a_callers_bound) {
  for (std::uint64_t n = 1; n <= 6; ++n) EXPECT_EQ(wait(n, ""), verdict::taken);
}

TEST_F(waiting, is_full_by_calls_and_by_bytes) {
  for (std::uint64_t n = 1; n <= 6; ++n) wait(n, std::to_string(n));
  EXPECT_EQ(wait(7, "x"), verdict::full);
  take(6);
  EXPECT_EQ(wait(8, "x", 2, 60s, 100), verdict::taken);
  EXPECT_EQ(wait(9, "y"), verdict::full);
  take(1);
  EXPECT_EQ(wait(10, "y", 2, 60s, 101), verdict::full) << "it never fits";
}

TEST_F(waiting, the_lowest_priority_makes_room) {
  for (std::uint64_t n = 1; n <= 5; ++n) wait(n, std::to_string(n), 2);
  wait(6, "batch", 3);
  EXPECT_EQ(wait(7, "x", 3), verdict::full) << "not for its like";
  EXPECT_EQ(wait(8, "x", 1), verdict::taken);
  ASSERT_EQ(gone_.size(), 1u);
  EXPECT_EQ(gone_[0].counter, 6u);
  EXPECT_EQ(wait(9, "y", 2), verdict::full);
}

TEST_F(waiting, nobody_goes_for_one_that_does_not_fit_all_the_same) {
  for (std::uint64_t n = 1; n <= 5; ++n) wait(n, std::to_string(n), 3, 60s, 10);
  wait(6, "x", 1, 60s, 40);
  EXPECT_EQ(wait(7, "y", 1, 60s, 70), verdict::full);
  EXPECT_TRUE(gone_.empty());
  EXPECT_EQ(queue_.size(), 6u);
}

TEST_F(waiting, of_one_priority_what_cannot_be_served_in_time_makes_room) {
  for (std::uint64_t n = 1; n <= 5; ++n) wait(n, std::to_string(n));
  now_ += 2s;
  wait(6, "hurried", 2, 1s);
  EXPECT_EQ(wait(7, "x"), verdict::taken);
  ASSERT_EQ(gone_.size(), 1u);
  EXPECT_EQ(gone_[0].counter, 6u);
  EXPECT_EQ(wait(8, "y"), verdict::full) << "the others have time";
}

TEST_F(waiting, what_is_erased_leaves_nothing_behind) {
  wait(1);
  wait(2, "b", 1);
  queue_.erase({1, 1});
  queue_.erase({1, 99});
  EXPECT_EQ(queue_.size(), 1u);
  EXPECT_EQ(take(9), numbers{2});
  EXPECT_EQ(queue_.age(now_ + 5s), 0s);
}

TEST_F(waiting, says_how_long_the_oldest_has_waited) {
  wait(1);
  now_ += 3s;
  wait(2);
  EXPECT_EQ(queue_.age(now_ + 1s), 4s);
  take(1);
  EXPECT_EQ(queue_.age(now_ + 1s), 1s);
}

TEST_F(waiting, all_may_be_sent_away) {
  wait(1);
  wait(2, "b");
  EXPECT_EQ(queue_.clear().size(), 2u);
  EXPECT_EQ(queue_.size(), 0u);
  EXPECT_EQ(wait(3), verdict::taken);
}

} // namespace
} // namespace troupe::wire
