#pragma once

#include "adapters/sql/sql_stores.hpp"
#include "messages/base/limits.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <soci/soci.h>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// Inside adapters/sql only (it shows SOCI).
namespace troupe::sql {

/// One numbered step of a schema: statements separated by `;`.
using migration = std::string_view;

/// A piece of work for a database thread.
class job {
public:
  virtual ~job() = default;
  /// Does the work and keeps its outcome. Throws what SOCI throws.
  virtual void run(soci::session& session) = 0;
  /// Tells the outcome, after the commit.
  virtual void answer() = 0;
  virtual void fail(error why) = 0;
};

template <class T, class F>
class typed_job final : public job {
public:
  typed_job(reply<T> answer, F work) : answer_(std::move(answer)), work_(std::move(work)) {}
  void run(soci::session& session) override { outcome_ = work_(session); }
  void answer() override { answer_(std::move(outcome_)); }
  void fail(error why) override { answer_.fail(std::move(why)); }

private:
  reply<T> answer_;
  F work_;
  result<T> outcome_ = std::unexpected(error{});
};

/// A database file with its threads. Thread-safe. The destructor finishes what is queued.
class database {
public:
  [[nodiscard]] static result<std::shared_ptr<database>> open(const sql_config& config,
                                                              std::span<const migration> schema);
  ~database();
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  /// Work that changes rows: `result<T>(soci::session&)`, run in a transaction that it may share
  /// with others. It must find out about its domain errors before it writes, and may be run twice.
  template <class T, class F>
  void write(reply<T> answer, F work) {
    push(writes_, std::make_unique<typed_job<T, F>>(std::move(answer), std::move(work)));
  }

  /// Work that only reads; it sees every write whose reply came before.
  template <class T, class F>
  void read(reply<T> answer, F work) {
    push(reads_, std::make_unique<typed_job<T, F>>(std::move(answer), std::move(work)));
  }

private:
  struct queue {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::unique_ptr<job>> jobs;
    bool stopping = false;
  };

  explicit database(const sql_config& config) : config_(config) {}
  void push(queue& to, std::unique_ptr<job> work);
  void start();
  void write_loop();
  void read_loop(soci::session& session);
  void run_batch(std::deque<std::unique_ptr<job>>& batch);
  void run_alone(job& one);

  sql_config config_;
  soci::session writer_;
  std::deque<soci::session> readers_;
  queue writes_, reads_;
  std::vector<std::thread> threads_;
};

/// The error of a failed statement: `conflict` for a broken constraint, else `unavailable`.
[[nodiscard]] error to_error(const std::exception& why);

extern const std::span<const migration> auth_schema, log_schema, prompt_schema;

}  // namespace troupe::sql
