// Goal: a caller is remembered for at most the cache's time and its credential's life. Method: a
// clock of the test's own.
#include "actors/routing/caller_cache.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

caller ada() {
  caller who;
  who.user = "ada";
  who.session = "s1";
  return who;
}

TEST(caller_cache, a_caller_is_found_until_its_time_is_over) {
  caller_cache cache;
  const caller_cache::clock::time_point t0{};
  cache.keep("token", ada(), t0, 1h);
  ASSERT_NE(cache.find("token", t0 + 4999ms), nullptr);
  EXPECT_EQ(cache.find("token", t0 + 4999ms)->user, "ada");
  EXPECT_EQ(cache.find("token", t0 + 5000ms), nullptr);
  EXPECT_EQ(cache.find("other", t0), nullptr);
}

TEST(caller_cache, a_token_that_expires_sooner_is_forgotten_sooner) {
  caller_cache cache;
  const caller_cache::clock::time_point t0{};
  cache.keep("token", ada(), t0, 100ms);
  EXPECT_EQ(cache.find("token", t0 + 100ms), nullptr);
}

TEST(caller_cache, a_revoked_session_is_forgotten_at_once) {
  caller_cache cache;
  const caller_cache::clock::time_point t0{};
  cache.keep("token", ada(), t0, 1h);
  cache.forget("s1");
  EXPECT_EQ(cache.find("token", t0), nullptr);
}

TEST(caller_cache, it_never_grows_past_its_bound) {
  caller_cache cache;
  const caller_cache::clock::time_point t0{};
  for (std::size_t i = 0; i < limits::auth_cache_entries + 10; ++i)
    cache.keep("token" + std::to_string(i), ada(), t0, 1h);
  EXPECT_LE(cache.size(), limits::auth_cache_entries);
}

} // namespace
} // namespace troupe
