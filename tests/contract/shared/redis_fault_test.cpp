// Goal: a Redis that goes, pauses, forgets or refuses is `unavailable` for as long, at once and in
// bounded memory, and never a wrong answer; it heals by itself. Method: a real server that the test
// kills, stops, cuts and empties while stores ask it.
#include "tests/contract/shared/shared_fixture.hpp"

#include <unistd.h>
#include <atomic>
#include <fstream>
#include <latch>
#include <thread>

namespace troupe::test {
namespace {

using enum limit_kind;

class redis_fault : public shared_suite {
protected:
  void TearDown() override {
    if (IsSkipped()) return;
    say("resume");
    say("writable");
  }
  /// Until `key` is answered; how long that took.
  static steady::duration healing(session_cache& cache) {
    const auto began = steady::now();
    while (!get(cache, "k") && steady::now() - began < 10s) std::this_thread::sleep_for(10ms);
    return steady::now() - began;
  }
};
INSTANTIATE_TEST_SUITE_P(on, redis_fault, ::testing::Values(shared_by::redis, shared_by::redis_tls),
                         adapter_name);

TEST_P(redis_fault, while_it_is_away_calls_fail_at_once_and_it_heals_within_3_s) {
  auto node = open();
  value_of(put(*node.sessions, "k", "v"));
  say("kill");
  (void)get(*node.sessions, "k"); // may meet the attempt that follows the cut
  for (int n = 0; n < 50; ++n) {
    const auto began = steady::now();
    const auto said = reserve(*node.limits, "id" + std::to_string(n), {want("s", requests, 9)});
    ASSERT_TRUE(fails_with(said, errc::unavailable));
    EXPECT_GT(said.error().retry_after_ms, 0u);
    EXPECT_TRUE(fails_with(get(*node.sessions, "k"), errc::unavailable));
    EXPECT_LT(steady::now() - began, 200ms);
  }
  say("start");
  EXPECT_LT(healing(*node.sessions), 3s);
  EXPECT_TRUE(value_of(reserve(*node.limits, "after", {want("s", requests, 9)})).granted);
}

TEST_P(redis_fault, stores_made_while_it_is_away_work_when_it_is_there) {
  say("kill");
  redis_config config;
  config.url.value = server_of(GetParam())->url();
  config.loop = &loop_.context();
  auto node = value_of(make_redis_stores(config));
  EXPECT_TRUE(fails_with(get(*node.sessions, "k"), errc::unavailable));
  say("start");
  EXPECT_LT(healing(*node.sessions), 3s);
}

TEST_P(redis_fault, a_sound_connection_that_is_cut_is_made_anew_unseen) {
  auto node = open();
  value_of(put(*node.sessions, "k", "v"));
  for (int round = 0; round < 2; ++round) {
    std::this_thread::sleep_for(1100ms); // only what has lasted is sound
    say("cut");
    for (int n = 0; n < 20; ++n) EXPECT_EQ(value_of(get(*node.sessions, "k")), found("v"));
  }
}

TEST_P(redis_fault, a_paused_server_is_late_by_the_deadline_and_then_down_at_once) {
  auto node = open(300ms);
  say("pause");
  const auto began = steady::now();
  const auto said = get(*node.sessions, "k");
  EXPECT_TRUE(fails_with(said, errc::unavailable));
  EXPECT_EQ(said.error().started, started_state::unknown);
  EXPECT_GE(steady::now() - began, 290ms);
  EXPECT_LT(steady::now() - began, 600ms);
  const auto later = steady::now();
  EXPECT_TRUE(fails_with(get(*node.sessions, "k"), errc::unavailable));
  EXPECT_LT(steady::now() - later, 100ms);
  say("resume");
  EXPECT_LT(healing(*node.sessions), 3s);
}

TEST_P(redis_fault, a_slow_answer_never_answers_another_question) {
  auto node = open(150ms);
  constexpr int keys = 64;
  for (int n = 0; n < keys; ++n)
    value_of(put(*node.sessions, "k" + std::to_string(n), "v" + std::to_string(n)));
  std::atomic<bool> over = false;
  std::atomic<int> right = 0, wrong = 0, none = 0;
  std::vector<std::jthread> asking;
  for (int t = 0; t < 8; ++t)
    asking.emplace_back([&, t] {
      for (int n = t; !over; n = (n + 7) % keys) {
        const auto said = get(*node.sessions, "k" + std::to_string(n));
        if (!said)
          ++none, std::this_thread::sleep_for(1ms);
        else
          ++(said->value == "v" + std::to_string(n) ? right : wrong);
      }
    });
  for (const auto pause : {50ms, 140ms, 160ms, 220ms, 145ms, 155ms, 300ms, 100ms}) {
    say("pause");
    std::this_thread::sleep_for(pause);
    say("resume");
    EXPECT_LT(healing(*node.sessions), 3s);
    std::this_thread::sleep_for(30ms);
  }
  over = true;
  asking.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(right, 100);
  EXPECT_GT(none, 0) << "no pause was felt";
}

/// The process's memory that is in use, in KiB.
std::size_t resident_kib() {
  std::ifstream from("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  from >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

TEST_P(redis_fault, what_waits_for_a_paused_server_is_bounded) {
  auto node = open();
  say("pause");
  constexpr int calls = 50'000;
  const auto before = resident_kib();
  std::atomic<int> refused = 0, failed = 0, answered = 0;
  std::latch all(calls);
  for (int n = 0; n < calls; ++n)
    node.sessions->put("k" + std::to_string(n), std::string(1000, 'x'), 1min,
                       reply<done>([&](result<done> said) {
                         if (said)
                           ++answered;
                         else
                           ++(said.error().code == errc::overloaded ? refused : failed);
                         all.count_down();
                       }));
  all.wait();
  EXPECT_EQ(answered, 0);
  EXPECT_LE(failed, static_cast<int>(limits::redis_waiting));
  EXPECT_GE(refused, calls - static_cast<int>(limits::redis_waiting));
  EXPECT_LT(resident_kib() - std::min(before, resident_kib()), 40u << 10);
  say("resume");
  EXPECT_LT(healing(*node.sessions), 3s);
}

TEST_P(redis_fault, forgotten_scripts_and_a_flush_heal_without_an_error) {
  auto node = open();
  const auto each = want("s", requests, 2);
  EXPECT_TRUE(value_of(reserve(*node.limits, "a", {each})).granted);
  say("forget");
  EXPECT_EQ(value_of(reserve(*node.limits, "b", {each})).states[0].remaining, 0);
  EXPECT_FALSE(value_of(reserve(*node.limits, "c", {each})).granted);
  say("fresh"); // what was counted is lost with it
  value_of(settle(*node.limits, "a", {7}));
  EXPECT_EQ(value_of(renew(*node.limits, {"b"})), std::vector<std::string>{"b"});
  EXPECT_EQ(value_of(reserve(*node.limits, "c", {each})).states[0].remaining, 1);
  say("restart");
  EXPECT_LT(healing(*node.sessions), 3s);
  EXPECT_EQ(value_of(reserve(*node.limits, "d", {each})).states[0].remaining, 1);
}

TEST_P(redis_fault, a_replica_is_left_for_the_primary) {
  auto node = open();
  say("readonly");
  EXPECT_TRUE(fails_with(put(*node.sessions, "k", "v"), errc::unavailable));
  say("writable");
  const auto began = steady::now();
  while (!put(*node.sessions, "k", "v") && steady::now() - began < 10s)
    std::this_thread::sleep_for(10ms);
  EXPECT_LT(steady::now() - began, 3s);
}

TEST_P(redis_fault, what_is_asked_when_the_stores_go_is_answered) {
  auto node = open();
  say("pause");
  std::promise<result<cached_session>> promise;
  auto answer = promise.get_future();
  node.sessions->get("k", reply<cached_session>([&](auto r) { promise.set_value(std::move(r)); }));
  node = {};
  EXPECT_TRUE(fails_with(answer.get(), errc::unavailable));
}

TEST_P(redis_fault, nothing_is_left_on_the_loop_when_the_stores_are_gone) {
  {
    auto node = open();
    value_of(put(*node.sessions, "k", "v"));
    auto idle = open();
  }
  loop_.end(); // hangs, when something is left
}

class redis_access : public shared_suite {
protected:
  result<cached_session> get_with(const std::string& url) {
    redis_config config;
    config.url.value = url;
    config.loop = &loop_.context();
    auto node = value_of(make_redis_stores(config));
    return get(*node.sessions, "k");
  }
};
INSTANTIATE_TEST_SUITE_P(on, redis_access, ::testing::Values(shared_by::redis_tls), adapter_name);

TEST_P(redis_access, only_the_right_password_gets_in) {
  const auto& url = server_of(GetParam())->url();
  auto wrong = url;
  wrong.replace(wrong.find("p%27w"), 5, "other");
  auto nobody = url;
  nobody.replace(nobody.find("troupe:"), nobody.find('@') + 1 - nobody.find("troupe:"), "");
  EXPECT_EQ(value_of(get_with(url)), absent);
  EXPECT_TRUE(fails_with(get_with(wrong), errc::unavailable));
  EXPECT_TRUE(fails_with(get_with(nobody), errc::unavailable));
}

TEST_P(redis_access, a_certificate_of_nobody_known_or_for_another_name_is_refused) {
  const auto& url = server_of(GetParam())->url();
  const auto without_ca = url.substr(0, url.find('?'));
  auto by_address = url;
  by_address.replace(by_address.find("localhost"), 9, "127.0.0.1");
  EXPECT_TRUE(fails_with(get_with(without_ca), errc::unavailable));
  EXPECT_TRUE(fails_with(get_with(by_address), errc::unavailable));
}

TEST_P(redis_access, a_file_of_authorities_that_is_not_there_is_an_error_at_the_start) {
  redis_config config;
  config.url.value = "rediss://:pw-secret@localhost?ca=/not/there";
  config.loop = &loop_.context();
  const auto made = make_redis_stores(config);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::invalid_argument);
  EXPECT_NE(made.error().message.find("/not/there"), std::string::npos);
  EXPECT_EQ(made.error().message.find("pw-secret"), std::string::npos);
}

TEST_P(redis_access, stores_may_be_made_asked_and_dropped_on_the_loops_own_thread) {
  std::promise<result<cached_session>> promise;
  auto answer = promise.get_future();
  boost::asio::post(loop_.context(), [&] {
    redis_config config;
    config.url.value = server_of(GetParam())->url();
    config.loop = &loop_.context();
    const auto node = std::make_shared<redis_stores>(value_of(make_redis_stores(config)));
    node->sessions->get("k", reply<cached_session>([&, node](auto r) mutable {
                          *node = {};
                          promise.set_value(std::move(r));
                        }));
  });
  EXPECT_EQ(value_of(answer.get()), absent);
}

TEST_P(redis_access, a_prefix_that_would_be_a_tag_is_refused) {
  redis_config config;
  config.url.value = server_of(GetParam())->url();
  config.loop = &loop_.context();
  config.prefix = "{troupe}";
  const auto made = make_redis_stores(config);
  EXPECT_TRUE(fails_with(made, errc::invalid_argument, "redis.prefix"));
}

} // namespace
} // namespace troupe::test
