// Goal: a caller has so many requests at a time, and its others wait in their order.
// Method: the line itself, without connections.
#include "adapters/http/caller_turns.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace troupe::http {
namespace {

struct line_of_callers : testing::Test {
  caller_turns turns{{.running = 2, .waiting = 2}};
  std::vector<int> begun;

  std::optional<caller_turns::turn> ask(const std::string& who, int number = 0) {
    return turns.take(who, [this, number] { begun.push_back(number); });
  }
};

TEST_F(line_of_callers, up_to_the_bound_a_request_runs_at_once) {
  const auto a = ask("a"), b = ask("a");
  EXPECT_TRUE(a->is_running());
  EXPECT_TRUE(b->is_running());
  EXPECT_TRUE(begun.empty()) << "who asks knows";
}

TEST_F(line_of_callers, past_it_they_wait_in_their_order) {
  auto a = ask("a", 1), b = ask("a", 2), c = ask("a", 3), d = ask("a", 4);
  EXPECT_FALSE(c->is_running());
  b.reset();
  EXPECT_EQ(begun, std::vector{3});
  EXPECT_TRUE(c->is_running());
  EXPECT_FALSE(d->is_running());
  a.reset();
  EXPECT_EQ(begun, (std::vector{3, 4}));
}

TEST_F(line_of_callers, another_caller_does_not_wait) {
  const auto a = ask("a"), b = ask("a"), c = ask("a"), other = ask("b");
  EXPECT_TRUE(other->is_running());
}

TEST_F(line_of_callers, who_gives_up_its_place_is_passed_over) {
  auto a = ask("a", 1), b = ask("a", 2), c = ask("a", 3), d = ask("a", 4);
  c.reset();
  a.reset();
  EXPECT_EQ(begun, std::vector{4});
}

TEST_F(line_of_callers, past_both_bounds_there_is_no_place_until_one_is_free) {
  auto a = ask("a"), b = ask("a"), c = ask("a"), d = ask("a");
  EXPECT_FALSE(ask("a"));
  a.reset();
  EXPECT_TRUE(ask("a"));
}

} // namespace
} // namespace troupe::http
