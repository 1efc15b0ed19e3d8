// Goal: the queue of a file's writer is bounded in jobs, refuses with `overloaded`, and comes back;
// a transaction that is lost fails everything in it. Method: a reply that blocks holds the writer's
// thread while the test fills its queue; a trigger in the file makes statements fail.
#include "messages/base/limits.hpp"
#include "tests/contract/stores/store_fixture.hpp"

#include <sqlite3.h>
#include <chrono>
#include <iostream>
#include <latch>
#include <thread>

namespace troupe::test {
namespace {

using std::chrono::steady_clock;

class sql_queue : public ::testing::Test {
protected:
  static log_record record(const std::string& id, const std::string& message = "hello") {
    log_record r;
    r.id = id;
    r.time = "2026-01-01T00:00:00.000000Z";
    r.service = "tests";
    r.message = message;
    r.user = "u1";
    return r;
  }
  std::future<result<done>> append(const std::string& id, const std::string& message = "hello") {
    auto promise = std::make_shared<std::promise<result<done>>>();
    log_->append({record(id, message)},
                 reply<done>([promise](auto r) { promise->set_value(std::move(r)); }));
    return promise->get_future();
  }
  /// Returns when the writer's thread is held, until `release` counts down.
  void hold_writer(std::latch& release) {
    std::promise<void> held;
    log_->flush(reply<done>([&](auto) {
      held.set_value();
      release.wait();
    }));
    held.get_future().wait();
  }

  scratch_folder folder_;
  sql_config config_{folder_.file("store.db")};
  std::unique_ptr<log_store> log_ = value_of(open_log_store(config_));
};

TEST_F(sql_queue, a_full_queue_refuses_at_once_and_takes_more_when_it_has_drained) {
  std::latch release(1);
  hold_writer(release);
  std::vector<std::future<result<done>>> waiting;
  for (std::size_t i = 0; i < limits::store_queue; ++i)
    waiting.push_back(append("log_" + std::to_string(i)));
  auto refused = append("refused");
  ASSERT_EQ(refused.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  const auto r = refused.get();
  EXPECT_TRUE(fails_with(r, errc::overloaded));
  EXPECT_GT(r.error().retry_after_ms, 0u);
  release.count_down();
  for (auto& w : waiting) EXPECT_TRUE(w.get());
  EXPECT_TRUE(append("after").get());
  EXPECT_TRUE(fails_with(
      ask<log_record>([&](auto answer) { log_->get("u1", "refused", std::move(answer)); }),
      errc::not_found));
}

TEST_F(sql_queue, what_waits_is_bounded_in_bytes_too) {
  constexpr std::size_t some = 4u << 20;
  std::latch release(1);
  hold_writer(release);
  std::vector<std::future<result<done>>> answers;
  for (int i = 0; i < 100; ++i)
    answers.push_back(append("log_" + std::to_string(i), std::string(some, 'x')));
  std::size_t refused = 0;
  for (auto& a : answers)
    if (a.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
      refused += fails_with(a.get(), errc::overloaded) ? 1 : 0;
  release.count_down();
  EXPECT_GT(refused, 20u);
  EXPECT_LT(refused, 90u);
}

TEST_F(sql_queue, a_record_that_the_database_refuses_fails_alone) {
  sqlite3* on = nullptr;
  ASSERT_EQ(sqlite3_open(config_.path.c_str(), &on), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(on,
                         "create trigger refuse before insert on log_records when new.message = "
                         "'poison' begin select raise(abort, 'no'); end",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(on);
  std::latch release(1);
  hold_writer(release);
  std::vector<std::future<result<done>>> answers;
  for (int i = 0; i < 30; ++i)
    answers.push_back(append("log_" + std::to_string(i), i % 10 == 5 ? "poison" : "fine"));
  release.count_down();
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(answers[i].get().has_value(), i % 10 != 5) << i;
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(ask<log_record>([&](auto r) {
                log_->get("u1", "log_" + std::to_string(i), std::move(r));
              }).has_value(),
              i % 10 != 5)
        << i;
}

TEST_F(sql_queue, a_transaction_that_cannot_be_kept_fails_all_in_it_and_the_next_one_works) {
  sqlite3* on = nullptr;
  ASSERT_EQ(sqlite3_open(config_.path.c_str(), &on), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(on,
                         "create trigger lose before insert on log_records when new.message = "
                         "'poison' begin select raise(rollback, 'the disk is full'); end",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(on);
  std::latch release(1);
  hold_writer(release);
  std::vector<std::future<result<done>>> answers;
  for (int i = 0; i < 5; ++i)
    answers.push_back(append("log_" + std::to_string(i), i == 3 ? "poison" : "fine"));
  release.count_down();
  for (auto& a : answers) EXPECT_TRUE(fails_with(a.get(), errc::unavailable));
  EXPECT_TRUE(fails_with(ask<log_record>([&](auto r) { log_->get("u1", "log_0", std::move(r)); }),
                         errc::not_found));
  EXPECT_TRUE(append("log_0").get());
}

TEST_F(sql_queue, many_producers_share_a_commit) {
  constexpr int producers = 16, each = 500;
  const auto start = steady_clock::now();
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < producers; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < each; ++i)
          if (!append("log_" + std::to_string(t) + '-' + std::to_string(i)).get()) ++failed;
      });
  }
  const std::chrono::duration<double> took = steady_clock::now() - start;
  EXPECT_EQ(failed, 0);
  std::cout << "    16 producers, one record each at a time: "
            << static_cast<int>(producers * each / took.count()) << " records/s\n";
}

} // namespace
} // namespace troupe::test
