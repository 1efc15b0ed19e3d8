// Goal: the sliding window never admits more than it may, admits again when it said, and forgets
// what is over. Method: the store in memory with a clock of the test's own; random calls, whose
// seed is printed, are checked against the history of what was admitted.
#include "adapters/memory/memory_stores.hpp"
#include "tests/support/ask.hpp"

#include <gtest/gtest.h>
#include <random>

namespace troupe::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

class memory_limits : public ::testing::Test {
protected:
  static limit_want want(limit_kind kind, std::int64_t most, milliseconds window,
                         std::int64_t amount = 1) {
    return {"s", kind, most, window, amount};
  }
  result<limit_verdict> reserve(const std::string& id, std::vector<limit_want> wants) {
    return ask<limit_verdict>([&](auto r) { store_->reserve(id, std::move(wants), std::move(r)); });
  }
  void settle(const std::string& id, std::vector<std::int64_t> amounts) {
    value_of(ask<done>([&](auto r) { store_->settle(id, std::move(amounts), std::move(r)); }));
  }
  void open(std::size_t scopes_max, std::size_t records_max) {
    store_ = make_memory_limit_store({[this] { return now_; }, scopes_max, records_max});
  }

  milliseconds now_{1'700'000'000'000};
  std::unique_ptr<limit_store> store_ = make_memory_limit_store({[this] { return now_; }});
};

TEST_F(memory_limits, in_no_window_more_is_admitted_than_may_be) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  const auto any = [&](int from, int to) {
    return std::uniform_int_distribution<int>(from, to)(random);
  };
  struct admission {
    milliseconds at;
    std::int64_t amount;
  };
  for (const milliseconds window : {1000ms, 1999ms, 60'000ms}) {
    std::vector<admission> history;
    const auto most = 100;
    const auto step = static_cast<int>(window.count() / 40);
    for (int n = 0; n < 3000; ++n) {
      now_ += milliseconds(any(0, step));
      const auto amount = any(1, 20);
      const auto id = std::to_string(window.count()) + '-' + std::to_string(n);
      const auto said = value_of(reserve(id, {want(limit_kind::tokens, most, window, amount)}));
      std::int64_t used = said.granted ? amount : 0;
      for (const auto& each : history)
        if (each.at > now_ - window) used += each.amount;
      ASSERT_LE(used, most) << "seed " << seed;
      if (said.granted) history.push_back({now_, amount});
    }
    EXPECT_GT(history.size(), 500u);
  }
}

TEST_F(memory_limits, what_is_refused_is_granted_after_the_time_it_said_and_not_a_moment_earlier) {
  std::mt19937 random(7);
  for (int n = 0; n < 200; ++n) {
    now_ += milliseconds(random() % 3000);
    const auto each = want(limit_kind::tokens, 50, 10s, 1 + static_cast<int>(random() % 50));
    const auto id = std::to_string(n);
    const auto said = value_of(reserve(id, {each}));
    if (said.granted) continue;
    now_ += said.retry_after - 1ms;
    EXPECT_FALSE(value_of(reserve(id, {each})).granted);
    now_ += 1ms;
    EXPECT_TRUE(value_of(reserve(id, {each})).granted);
  }
}

TEST_F(memory_limits, everything_is_free_again_when_reset_said) {
  value_of(reserve("a", {want(limit_kind::requests, 9, 1min)}));
  now_ += 30s;
  const auto said = value_of(reserve("b", {want(limit_kind::requests, 9, 1min)}));
  const auto look = want(limit_kind::requests, 9, 1min, 0);
  now_ += said.states[0].reset - 1ms;
  EXPECT_EQ(value_of(reserve("c", {look})).states[0].remaining, 8);
  now_ += 1ms;
  EXPECT_EQ(value_of(reserve("d", {look})).states[0].remaining, 9);
}

TEST_F(memory_limits, a_record_lives_two_hours_at_most_and_what_it_reserved_stays_counted) {
  const auto each = want(limit_kind::money, 100, 24h, 60);
  value_of(reserve("a", {each}));
  now_ += 3h;
  settle("a", {0});
  EXPECT_EQ(value_of(reserve("look", {want(limit_kind::money, 100, 24h, 0)})).states[0].remaining,
            40);
}

TEST_F(memory_limits, past_its_bounds_it_is_overloaded_until_what_is_over_was_swept) {
  open(20, 1000);
  const auto one = [&](int n) {
    auto each = want(limit_kind::requests, 1, 1s);
    each.scope = "scope" + std::to_string(n);
    return reserve("id" + std::to_string(n), {each});
  };
  for (int n = 0; n < 20; ++n) value_of(one(n));
  EXPECT_TRUE(fails_with(one(20), errc::overloaded));
  EXPECT_TRUE(value_of(one(3)).granted) << "what was granted is granted again";
  now_ += 2s;
  int tries = 0;
  while (!one(21) && tries < 100) ++tries;
  EXPECT_LT(tries, 100);
}

TEST_F(memory_limits, past_its_bound_of_reservations_it_is_overloaded) {
  open(1000, 10);
  for (int n = 0; n < 10; ++n)
    value_of(reserve(std::to_string(n), {want(limit_kind::requests, 99, 1s)}));
  EXPECT_TRUE(fails_with(reserve("more", {want(limit_kind::requests, 99, 1s)}), errc::overloaded));
}

class memory_sessions : public ::testing::Test {
protected:
  void open(memory_sessions_config config) {
    config.now = [this] { return now_; };
    cache_ = make_memory_session_cache(config);
  }
  cached_session::state state(const std::string& key) {
    return value_of(ask<cached_session>([&](auto r) { cache_->get(key, std::move(r)); })).what;
  }
  void put(const std::string& key, const std::string& text) {
    value_of(ask<done>([&](auto r) { cache_->put(key, text, 1min, std::move(r)); }));
  }
  result<done> revoke(std::vector<std::string> keys) {
    return ask<done>([&](auto r) { cache_->revoke(std::move(keys), 1min, std::move(r)); });
  }

  milliseconds now_{1'000};
  std::unique_ptr<session_cache> cache_;
};

TEST_F(memory_sessions, of_too_many_the_one_used_longest_ago_goes) {
  open({.entries_max = 3});
  for (const auto* key : {"a", "b", "c"}) put(key, "v");
  EXPECT_EQ(state("a"), cached_session::state::found);
  put("d", "v");
  EXPECT_EQ(state("b"), cached_session::state::absent);
  for (const auto* key : {"a", "c", "d"}) EXPECT_EQ(state(key), cached_session::state::found);
}

TEST_F(memory_sessions, the_bytes_of_all_values_are_bounded) {
  open({.bytes_max = 100});
  put("a", std::string(60, 'x'));
  put("a", std::string(60, 'y'));
  EXPECT_EQ(state("a"), cached_session::state::found) << "what it replaced counts no more";
  put("b", std::string(60, 'x'));
  EXPECT_EQ(state("a"), cached_session::state::absent);
  EXPECT_EQ(state("b"), cached_session::state::found);
}

TEST_F(memory_sessions, no_tombstone_is_dropped_for_another_before_its_time) {
  open({.tombstones_max = 2});
  value_of(revoke({"a", "b"}));
  EXPECT_TRUE(fails_with(revoke({"c"}), errc::overloaded));
  EXPECT_EQ(state("a"), cached_session::state::revoked);
  now_ += 61s;
  value_of(revoke({"c"}));
  EXPECT_EQ(state("c"), cached_session::state::revoked);
  EXPECT_EQ(state("a"), cached_session::state::absent);
}

} // namespace
} // namespace troupe::test
