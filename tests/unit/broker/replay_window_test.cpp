// Goal: which numbers were used is known as far back as it is promised, and takes no more room.
// Method: against what is expected, and against a model that forgets nothing.
#include "broker/replay_window.hpp"
#include "broker/recent_calls.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <random>
#include <set>

namespace troupe::wire {
namespace {

using verdict = replay_window::verdict;

TEST(replay_window, knows_each_of_the_last_numbers_in_any_order) {
  replay_window w;
  for (const auto number : {5u, 1u, 3u, 700u, 2u, 64u, 63u, 128u}) {
    EXPECT_EQ(w.take(number), verdict::fresh) << number;
    EXPECT_EQ(w.take(number), verdict::repeated) << number;
  }
}

TEST(replay_window, what_is_below_it_is_stale) {
  replay_window w;
  EXPECT_EQ(w.take(10'000), verdict::fresh);
  EXPECT_EQ(w.take(10'000 - replay_window::size), verdict::stale);
  EXPECT_EQ(w.take(10'001 - replay_window::size), verdict::fresh);
  EXPECT_EQ(w.take((1ull << 63) - 1), verdict::fresh) << "the highest that there is";
  EXPECT_EQ(w.take(10'001), verdict::stale);
  EXPECT_EQ(w.take((1ull << 63) - 1), verdict::repeated);
}

TEST(replay_window, does_as_one_would_that_forgets_nothing) {
  std::mt19937_64 chance(29);
  for (const std::uint64_t reach : {3u, 100u, 900u, 5000u}) {
    replay_window w;
    std::set<std::uint64_t> used;
    std::uint64_t highest = 0;
    for (int n = 0; n < 20'000; ++n) {
      const auto back = chance() % (reach * 2), middle = highest + reach;
      const auto number = std::max<std::uint64_t>(middle > back ? middle - back : 1, 1);
      const auto expected = number + replay_window::size <= highest ? verdict::stale
                            : used.insert(number).second            ? verdict::fresh
                                                                    : verdict::repeated;
      ASSERT_EQ(w.take(number), expected) << number << " of " << highest;
      highest = std::max(highest, number);
    }
  }
}

TEST(used_numbers, link_frames_are_counted_apart) {
  used_numbers numbers;
  EXPECT_EQ(numbers.take(7), verdict::fresh);
  EXPECT_EQ(numbers.take(7 | 1ull << 63), verdict::fresh);
  EXPECT_EQ(numbers.take(1'000'000 | 1ull << 63), verdict::fresh);
  EXPECT_EQ(numbers.take(7), verdict::repeated);
  EXPECT_EQ(numbers.take(7 | 1ull << 63), verdict::stale);
}

TEST(used_numbers, what_was_said_before_a_connection_began_is_old) {
  for (const std::uint64_t first : {0u, 1u, 63u, 64u, 1000u, 5000u}) {
    used_numbers numbers;
    EXPECT_EQ(numbers.take(90'000), verdict::fresh);
    numbers.begin(first);
    for (std::uint64_t n = 0; n <= first; ++n) EXPECT_NE(numbers.take(n), verdict::fresh) << n;
    for (auto n = first + 1; n < first + 2000; ++n) EXPECT_EQ(numbers.take(n), verdict::fresh) << n;
  }
}

TEST(recent_calls, knows_what_was_added_of_late) {
  recent_calls calls(1u << 16);
  EXPECT_FALSE(calls.contains({7, 1}));
  calls.remove({7, 1});
  for (std::uint64_t n = 1; n <= 200'000; ++n) calls.add({n % 5 + 1, n});
  std::size_t known = 0;
  for (std::uint64_t n = 200'000 - 16'383; n <= 200'000; ++n)
    known += calls.contains({n % 5 + 1, n}) ? 1 : 0;
  EXPECT_GT(known, 16'000u);
  EXPECT_FALSE(calls.contains({9, 200'000})) << "of another requester";
  EXPECT_FALSE(calls.contains({2, 1})) << "long ago";
  calls.remove({1, 200'000});
  EXPECT_FALSE(calls.contains({1, 200'000}));
}

TEST(recent_calls, one_that_is_added_twice_takes_the_place_of_one) {
  recent_calls calls(4);
  for (const std::uint64_t n : {1u, 2u, 2u, 2u, 3u, 4u}) calls.add({7, n});
  EXPECT_TRUE(calls.contains({7, 1}));
  calls.add({7, 5});
  EXPECT_FALSE(calls.contains({7, 1}));
  EXPECT_TRUE(calls.contains({7, 2}));
}

} // namespace
} // namespace troupe::wire
