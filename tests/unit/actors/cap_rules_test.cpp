// Goal: every cap of a caller is asked for what the request uses of it and of nothing else, and
// what the store says becomes an answer that a client can act on. Method: the pure functions.
#include "actors/auth/cap_rules.hpp"
#include "actors/auth/auth_rules.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using cap_rules::attempt_limits;

reserve_request capped(std::int64_t requests, std::int64_t tokens, std::int64_t streams = 0,
                       std::int64_t micro_usd = 0) {
  return {"id",
          requests,
          tokens,
          streams,
          micro_usd,
          {{"key:k", 100, 0, 2, 0}, {"user:u", 1000, 5000, 0, 7'000'000}},
          "2001:db8:0:1::5"};
}

TEST(cap_rules, a_request_takes_from_every_cap_on_what_it_uses) {
  const auto wants = cap_rules::wants_of(capped(1, 300, 1, 20), 60);
  ASSERT_EQ(wants.size(), 6u);
  const auto is = [&](std::size_t i, const char* scope, limit_kind kind, std::int64_t most,
                      std::chrono::milliseconds window, std::int64_t amount) {
    EXPECT_EQ(wants[i].scope, scope) << i;
    EXPECT_EQ(wants[i].kind, kind) << i;
    EXPECT_EQ(wants[i].most, most) << i;
    EXPECT_EQ(wants[i].window, window) << i;
    EXPECT_EQ(wants[i].amount, amount) << i;
  };
  is(0, "key:k", limit_kind::requests, 100, 1min, 1);
  is(1, "key:k", limit_kind::streams, 2, 30s, 1);
  is(2, "user:u", limit_kind::requests, 1000, 1min, 1);
  is(3, "user:u", limit_kind::tokens, 5000, 1min, 300);
  is(4, "user:u", limit_kind::money, 7'000'000, 24h, 20);
  is(5, "addr:2001:db8:0:1::/64", limit_kind::requests, 60, 1min, 1);
}

TEST(cap_rules, what_is_not_used_or_not_capped_is_not_asked_for) {
  EXPECT_TRUE(cap_rules::wants_of({"id", 1, 300, 1, 20}, 60).empty()) << "no address";
  EXPECT_TRUE(cap_rules::wants_of(capped(0, 0), 60).empty());
}

TEST(cap_rules, of_each_kind_the_limit_with_the_least_left_is_told) {
  const auto wants = cap_rules::wants_of(capped(1, 300), 0);
  const auto said = cap_rules::reply_of(wants, {true, 0, 0ms, {{99, 10s}, {12, 20s}, {4700, 30s}}});
  EXPECT_FALSE(said.refused);
  EXPECT_EQ(said.kinds, (std::vector<std::string>{"requests", "requests", "tokens"}));
  EXPECT_EQ(said.limits, (std::vector<rate_limit>{{"requests", 1000, 12, 20'000},
                                                  {"tokens", 5000, 4700, 30'000}}));
}

TEST(cap_rules, a_refusal_names_the_limit_and_when_to_come_back) {
  const auto wants = cap_rules::wants_of(capped(1, 300), 0);
  const auto said =
      cap_rules::reply_of(wants, {false, 2, 1500ms, {{99, 10s}, {12, 20s}, {100, 30s}}});
  ASSERT_TRUE(said.refused);
  EXPECT_EQ(said.refused->code, errc::rate_limited);
  EXPECT_EQ(said.refused->retry_after_ms, 1500u);
  EXPECT_EQ(said.refused->message, "the limit of 5000 tokens a minute of user:u is reached");
  EXPECT_TRUE(said.kinds.empty());
  EXPECT_EQ(said.limits.size(), 2u) << "told also when it refuses";
}

TEST(cap_rules, a_request_that_can_never_pass_is_told_so) {
  const auto wants = cap_rules::wants_of(capped(1, 6000), 0);
  const auto said = cap_rules::reply_of(wants, {false, 2, 1min, {{99, 0s}, {99, 0s}, {5000, 0s}}});
  EXPECT_EQ(said.refused->message,
            "the request alone wants 6000 tokens, more than the limit of 5000 tokens a minute of "
            "user:u");
}

TEST(cap_rules, tries_from_this_machine_are_not_counted) {
  for (const auto* near : {"127.0.0.1", "127.1.2.3", "::1", ""})
    EXPECT_TRUE(cap_rules::try_from(near, {}).empty()) << near;
  const auto far = cap_rules::try_from("203.0.113.9", {});
  ASSERT_EQ(far.size(), 1u);
  EXPECT_EQ(far[0].scope, "try:203.0.113.9");
  EXPECT_EQ(far[0].most, 30);
  EXPECT_TRUE(cap_rules::try_from("203.0.113.9", {10, 0}).empty()) << "switched off";
  EXPECT_TRUE(cap_rules::failure_of("x", 1, {0, 30}).empty()) << "switched off";
}

TEST(auth_rules, a_user_without_own_caps_is_held_to_the_defaults) {
  caller who;
  who.user = "u";
  who.key = "key_1";
  EXPECT_EQ(auth_rules::capped_subjects(who), (std::vector<std::string>{"user:u", "key:key_1"}));
  auth_rules::hold_to(who, {{"key:key_1", 5, 0, 0, 0}}, {"", 10, 0, 0, 0});
  EXPECT_EQ(who.caps,
            (std::vector<usage_caps>{{"key:key_1", 5, 0, 0, 0}, {"user:u", 10, 0, 0, 0}}));
  EXPECT_TRUE(who.is_limited);
  auth_rules::hold_to(who, {{"user:u", 3, 0, 0, 0}}, {"", 10, 0, 0, 0});
  EXPECT_EQ(who.caps, (std::vector<usage_caps>{{"user:u", 3, 0, 0, 0}}));
  auth_rules::hold_to(who, {}, {});
  EXPECT_FALSE(who.is_limited);
}

} // namespace
} // namespace troupe
