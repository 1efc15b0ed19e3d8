// Goal: a thread looks on for as long as it should, and not where others want its core.
// Method: the rule is asked with times of the test's own.
#include "messages/base/idle_spin.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using time_point = idle_spin::clock::time_point;

constexpr time_point start{1h};

TEST(idle_spin, looks_on_for_its_time_after_the_last_news) {
  const idle_spin spin(500us);
  EXPECT_TRUE(spin.may_look(start, start));
  EXPECT_TRUE(spin.may_look(start + 499us, start));
  EXPECT_FALSE(spin.may_look(start + 500us, start));
  EXPECT_TRUE(spin.may_look(start + 900us, start + 600us));
}

TEST(idle_spin, zero_never_looks_on) {
  EXPECT_FALSE(idle_spin(0us).may_look(start, start));
}

TEST(idle_spin, stops_for_a_while_where_others_keep_the_core) {
  idle_spin spin(500us);
  spin.yielded(start, start + idle_spin::others_wait);
  const auto back = start + idle_spin::others_wait;
  EXPECT_TRUE(spin.may_look(back, back)) << "a neighbour's short turn is no crowd";
  const auto late = start + idle_spin::others_wait + 1us;
  spin.yielded(start, late);
  EXPECT_FALSE(spin.may_look(late, late));
  EXPECT_FALSE(
      spin.may_look(late + idle_spin::crowded_for - 1us, late + idle_spin::crowded_for - 1us));
  EXPECT_TRUE(spin.may_look(late + idle_spin::crowded_for, late + idle_spin::crowded_for));
}

} // namespace
} // namespace troupe
