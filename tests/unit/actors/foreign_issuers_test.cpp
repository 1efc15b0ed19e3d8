// Goal: when issuers are asked for their keys, and what tokens get meanwhile. Method: a clock,
// timers and an issuer in the test's hand; tokens are words, and a key set is the list of words
// that pass.
#include "actors/auth/foreign_issuers.hpp"
#include "messages/base/limits.hpp"

#include <gtest/gtest.h>
#include <deque>
#include <optional>

namespace troupe {
namespace {

using namespace std::chrono_literals;

/// `issuer:key`; the key must stand in the set.
class word_verifier final : public foreign_verifier {
public:
  explicit word_verifier(std::string keys = {}) : keys_(std::move(keys)) {}
  result<foreign_claims> verify(std::string_view token, std::int64_t now) const override {
    const auto key = token.substr(token.find(':') + 1);
    if (key == "expired") return fail(errc::unauthenticated, "the token has expired");
    if (!keys_.contains(key)) {
      auto why = make_error(errc::unauthenticated, "unknown key");
      why.reason = unknown_key_reason;
      return std::unexpected(std::move(why));
    }
    return foreign_claims{.sub = std::string(token),
                          .iss = {},
                          .email = {},
                          .name = {},
                          .exp = now + 1,
                          .payload = {}};
  }
  result<std::shared_ptr<const foreign_verifier>> with_jwks(std::string_view jwks) const override {
    if (jwks == "broken") return fail(errc::invalid_argument, "no key set");
    return std::make_shared<word_verifier>(std::string(jwks));
  }

private:
  std::string keys_;
};

struct foreign_issuers_test : testing::Test {
  struct question {
    std::string url;
    foreign_issuers::after<fetch_reply> then;
  };
  std::chrono::steady_clock::time_point now{1h};
  std::deque<question> asked;
  std::size_t asked_in_all = 0;
  std::vector<std::pair<std::chrono::steady_clock::time_point, std::function<void()>>> timers;
  std::optional<foreign_issuers> all;

  foreign_issuers_test() {
    all.emplace(std::vector{issuer("a", "https://a.example/keys"), issuer("b", "")}, around());
  }

  static foreign_issuer issuer(const std::string& name, const std::string& keys_url) {
    return {.name = name,
            .issuer = "https://" + name + ".example",
            .verifier = std::make_shared<word_verifier>(),
            .keys_url = keys_url};
  }

  foreign_issuers::surroundings around() {
    return {.claimed_issuer =
                [](std::string_view token) {
                  return "https://" + std::string(token.substr(0, token.find(':'))) + ".example";
                },
            .fetch =
                [this](fetch_request wish, foreign_issuers::after<fetch_reply> then) {
                  ++asked_in_all;
                  asked.push_back({std::move(wish.url), std::move(then)});
                },
            .later = [this](std::chrono::milliseconds delay,
                            std::function<void()> work) { timers.emplace_back(now + delay, work); },
            .unix_now = [] { return std::int64_t{1'800'000'000}; },
            .steady_now = [this] { return now; }};
  }

  void pass(std::chrono::milliseconds time) {
    now += time;
    auto due = std::exchange(timers, {});
    for (auto& [at, work] : due)
      if (at <= now)
        work();
      else
        timers.emplace_back(at, std::move(work));
  }

  /// The oldest question is answered.
  void answer(result<fetch_reply> with) {
    ASSERT_FALSE(asked.empty());
    auto then = std::move(asked.front().then);
    asked.pop_front();
    then(std::move(with));
  }
  void answer_keys(const std::string& keys, const std::string& cache_control = "") {
    answer(fetch_reply{200, "application/json", cache_control, keys});
  }
  void answer_down() { answer(fail(errc::unavailable, "not reached")); }

  using verdict = std::optional<result<foreign_claims>>;
  std::shared_ptr<verdict> verify(const std::string& token) {
    auto out = std::make_shared<verdict>();
    all->verify(*all->issuer_of(token), token,
                [out](result<foreign_claims> r) { *out = std::move(r); });
    return out;
  }
  static bool passed(const verdict& v) { return v && v->has_value(); }
  static errc why(const verdict& v) { return v && !*v ? v->error().code : errc{}; }
};

TEST_F(foreign_issuers_test, a_token_is_judged_by_the_issuer_that_it_claims_and_by_no_other) {
  EXPECT_EQ(all->issuer_of("a:k")->name, "a");
  EXPECT_EQ(all->issuer_of("b:k")->name, "b");
  EXPECT_EQ(all->issuer_of("c:k"), nullptr);
  EXPECT_EQ(foreign_issuers({}, {}).issuer_of("a:k"), nullptr);
}

TEST_F(foreign_issuers_test, keys_are_asked_for_at_the_start_by_discovery_where_no_address_is_set) {
  all->start();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].url, "https://a.example/keys");
  EXPECT_EQ(asked[1].url, "https://b.example/.well-known/openid-configuration");
  answer_keys("k1");
  answer_keys(R"({"issuer":"https://b.example","jwks_uri":"https://b.example/jwks"})");
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].url, "https://b.example/jwks");
  answer_keys("k2");
  EXPECT_TRUE(passed(*verify("a:k1")));
  EXPECT_TRUE(passed(*verify("b:k2")));
  EXPECT_TRUE(asked.empty());
}

TEST_F(foreign_issuers_test, an_issuer_that_signs_with_a_secret_alone_is_never_asked) {
  auto one = issuer("a", "");
  one.has_keys = false;
  all.emplace(std::vector{one}, around());
  all->start();
  EXPECT_EQ(why(*verify("a:k1")), errc::unauthenticated);
  EXPECT_EQ(asked_in_all, 0u);
  EXPECT_TRUE(timers.empty());
}

TEST_F(foreign_issuers_test, requests_of_an_unknown_key_share_one_fetch) {
  const auto first = verify("a:k1"), second = verify("a:k1"), other = verify("a:k9");
  EXPECT_EQ(asked_in_all, 1u);
  EXPECT_FALSE(first->has_value());
  answer_keys("k1");
  EXPECT_TRUE(passed(*first));
  EXPECT_TRUE(passed(*second));
  EXPECT_EQ(why(*other), errc::unauthenticated);
}

TEST_F(foreign_issuers_test, a_flood_of_unknown_keys_asks_once_in_each_pause) {
  all->start();
  answer_keys("k1");
  answer_down(); // b
  asked_in_all = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto flood = verify("a:x" + std::to_string(i));
    if (!asked.empty()) answer_keys("k1");
    EXPECT_EQ(why(*flood), errc::unauthenticated);
  }
  EXPECT_EQ(asked_in_all, 1u);
  now += limits::issuer_ask_pause;
  for (int i = 0; i < 1000; ++i) (void)verify("a:y" + std::to_string(i));
  EXPECT_EQ(asked_in_all, 2u);
}

TEST_F(foreign_issuers_test, a_key_that_came_after_the_start_is_found_at_once) {
  all->start();
  answer_keys("k1");
  const auto rotated = verify("a:k2");
  ASSERT_EQ(asked.size(), 2u); // b's discovery before it
  asked.pop_front();
  answer_keys("k1 k2");
  EXPECT_TRUE(passed(*rotated));
}

TEST_F(foreign_issuers_test,
       while_an_issuer_is_down_known_keys_pass_and_unknown_ones_are_told_when) {
  (void)verify("a:k1");
  answer_keys("k1");
  now += limits::issuer_ask_pause;
  const auto waited = verify("a:k2");
  answer_down();
  EXPECT_EQ(why(*waited), errc::unavailable);
  EXPECT_TRUE(passed(*verify("a:k1")));
  now += 10s;
  const auto told = verify("a:k2");
  EXPECT_EQ(why(*told), errc::unavailable);
  EXPECT_EQ((*told)->error().retry_after_ms, 20'000u);
  EXPECT_TRUE(asked.empty());
  now += 20s;
  const auto later = verify("a:k2");
  answer_keys("k1 k2");
  EXPECT_TRUE(passed(*later));
}

TEST_F(foreign_issuers_test, an_answer_that_is_no_key_set_leaves_the_old_one) {
  (void)verify("a:k1");
  answer_keys("k1");
  for (const result<fetch_reply>& wrong :
       {result<fetch_reply>(fetch_reply{500, "", "", "k2"}),
        result<fetch_reply>(fetch_reply{302, "", "", "k2"}),
        result<fetch_reply>(fetch_reply{200, "", "", "broken"})}) {
    now += limits::issuer_ask_pause;
    const auto waited = verify("a:k2");
    answer(wrong);
    EXPECT_EQ(why(*waited), errc::unavailable);
    EXPECT_TRUE(passed(*verify("a:k1")));
  }
}

TEST_F(foreign_issuers_test, what_is_wrong_beside_the_key_asks_nobody) {
  const auto expired = verify("a:expired");
  EXPECT_EQ(why(*expired), errc::unauthenticated);
  EXPECT_EQ((*expired)->error().message, "the token has expired");
  EXPECT_EQ(asked_in_all, 0u);
}

TEST_F(foreign_issuers_test, more_than_the_bound_do_not_wait) {
  std::vector<std::shared_ptr<verdict>> waiting;
  for (std::size_t i = 0; i < limits::issuer_waiters; ++i) waiting.push_back(verify("a:k1"));
  EXPECT_EQ(why(*verify("a:k1")), errc::overloaded);
  answer_keys("k1");
  for (const auto& each : waiting) EXPECT_TRUE(passed(*each));
}

TEST_F(foreign_issuers_test, keys_are_renewed_when_they_are_no_longer_fresh) {
  all.emplace(std::vector{issuer("a", "https://a.example/keys")}, around());
  all->start();
  answer_keys("k1", "max-age=600");
  pass(limits::issuer_keys_age_min);
  EXPECT_TRUE(asked.empty());
  pass(limits::issuer_keys_age_min);
  ASSERT_EQ(asked.size(), 1u);
  answer_keys("k2");
  EXPECT_TRUE(passed(*verify("a:k2")));
  EXPECT_FALSE(verify("a:k1")->has_value()); // gone: it waits for another look
}

TEST_F(foreign_issuers_test, after_a_failure_keys_are_asked_for_again) {
  all.emplace(std::vector{issuer("a", "https://a.example/keys")}, around());
  all->start();
  answer_down();
  pass(limits::issuer_keys_age_min - 1s);
  EXPECT_TRUE(asked.empty());
  pass(1s);
  EXPECT_EQ(asked.size(), 1u);
  pass(limits::issuer_keys_age_min); // the answer is still on its way
  EXPECT_EQ(asked.size(), 1u);
}

} // namespace
} // namespace troupe
