// Goal: the queue of a file's writer is bounded in jobs, refuses with `overloaded`, and comes back;
// a transaction that is lost fails everything in it. Method: a reply that blocks holds the writer's
// thread while the test fills its queue; a trigger in the file makes statements fail.
#include "messages/base/limits.hpp"
#include "tests/contract/stores/store_fixture.hpp"

#include <sqlite3.h>
#include <chrono>
#include <iostream>
#include <latch>
#include <memory>
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
  std::future<result<done>> append(std::vector<log_record> records) {
    auto promise = std::make_shared<std::promise<result<done>>>();
    log_->append(std::move(records),
                 reply<done>([promise](auto r) { promise->set_value(std::move(r)); }));
    return promise->get_future();
  }
  std::future<result<done>> append(const std::string& id, const std::string& message = "hello") {
    return append({record(id, message)});
  }
  bool stored(const std::string& id) {
    return ask<log_record>([&](auto r) { log_->get("u1", id, std::move(r)); }).has_value();
  }
  /// From now on the database fails a record whose message is `poison`, and does `how` (SQLite's
  /// abort: the statement; rollback: the transaction).
  void refuse_poison(const std::string& how) const {
    sqlite3* on = nullptr;
    ASSERT_EQ(sqlite3_open(config_.path.c_str(), &on), SQLITE_OK);
    const auto trigger =
        "create trigger poison before insert on log_records when new.message = "
        "'poison' begin select raise(" +
        how + ", 'no'); end";
    ASSERT_EQ(sqlite3_exec(on, trigger.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(on);
  }
  /// Keeps the writer's thread busy from its making until `release` or its end.
  class held_writer {
  public:
    explicit held_writer(log_store& log) {
      auto held = std::make_shared<std::promise<void>>();
      auto busy = held->get_future();
      log.flush(reply<done>([held, gate = gate_](auto) {
        held->set_value();
        gate->wait();
      }));
      busy.wait();
    }
    ~held_writer() { release(); }
    void release() {
      if (!std::exchange(released_, true)) gate_->count_down();
    }

  private:
    std::shared_ptr<std::latch> gate_ =
        std::make_shared<std::latch>(1); // the writer may outlive us
    bool released_ = false;
  };

  scratch_folder folder_;
  sql_config config_{folder_.file("store.db")};
  std::unique_ptr<log_store> log_ = value_of(open_log_store(config_));
};

TEST_F(sql_queue, a_full_queue_refuses_at_once_and_takes_more_when_it_has_drained) {
  held_writer writer(*log_);
  std::vector<std::future<result<done>>> waiting;
  for (std::size_t i = 0; i < limits::store_queue; ++i)
    waiting.push_back(append("log_" + std::to_string(i)));
  auto refused = append("refused");
  ASSERT_EQ(refused.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  const auto r = refused.get();
  EXPECT_TRUE(fails_with(r, errc::overloaded));
  EXPECT_GT(r.error().retry_after_ms, 0u);
  writer.release();
  for (auto& w : waiting) EXPECT_TRUE(w.get());
  EXPECT_TRUE(append("after").get());
  EXPECT_TRUE(fails_with(
      ask<log_record>([&](auto answer) { log_->get("u1", "refused", std::move(answer)); }),
      errc::not_found));
}

TEST_F(sql_queue, what_waits_is_bounded_in_bytes_too) {
  constexpr std::size_t some = 4u << 20;
  held_writer writer(*log_);
  std::vector<std::future<result<done>>> answers;
  for (int i = 0; i < 100; ++i)
    answers.push_back(append("log_" + std::to_string(i), std::string(some, 'x')));
  std::size_t refused = 0;
  for (auto& a : answers)
    if (a.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
      refused += fails_with(a.get(), errc::overloaded) ? 1 : 0;
  writer.release();
  EXPECT_GT(refused, 20u);
  EXPECT_LT(refused, 90u);
}

TEST_F(sql_queue, a_record_that_the_database_refuses_fails_its_call_whole_and_no_other) {
  refuse_poison("abort");
  held_writer writer(*log_);
  std::vector<std::future<result<done>>> answers;
  for (int i = 0; i < 30; ++i) {
    const auto id = "log_" + std::to_string(i);
    answers.push_back(append({record(id), record(id + "b", i % 10 == 5 ? "poison" : "fine")}));
  }
  writer.release();
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(answers[i].get().has_value(), i % 10 != 5) << i;
  for (int i = 0; i < 30; ++i)
    for (const auto* second : {"", "b"})
      EXPECT_EQ(stored("log_" + std::to_string(i) + second), i % 10 != 5) << i << second;
}

TEST_F(sql_queue, a_transaction_that_cannot_be_kept_fails_all_in_it_and_the_next_one_works) {
  refuse_poison("rollback");
  held_writer writer(*log_);
  std::vector<std::future<result<done>>> answers;
  for (int i = 0; i < 5; ++i)
    answers.push_back(append("log_" + std::to_string(i), i == 3 ? "poison" : "fine"));
  writer.release();
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
