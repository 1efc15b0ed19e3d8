#pragma once

#include "adapters/sql/connection.hpp"
#include "adapters/sql/sql_stores.hpp"

#include <soci/soci.h>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

/// Inside adapters/sql only (it shows SOCI).
namespace troupe::sql {

/// One numbered step of a schema: statements separated by `;`, with the words of dialect.hpp.
using migration = std::string_view;

struct schema {
  std::string_view name;
  std::span<const migration> steps;
  std::size_t readers = 2; ///< connections that only read; none: the writer reads
};

/// A piece of work for a database thread.
class job {
public:
  virtual ~job() = default;
  /// Does the work and keeps its outcome. Throws what SOCI throws.
  virtual void run(soci::session& session) = 0;
  /// Replaces the outcome.
  virtual void reject(error why) = 0;
  /// Tells the outcome. For a write: after the commit.
  virtual void answer() = 0;
};

template <class T, class F>
class typed_job final : public job {
public:
  typed_job(reply<T> answer, F work) : answer_(std::move(answer)), work_(std::move(work)) {}
  void run(soci::session& session) override { outcome_ = work_(session); }
  void reject(error why) override { outcome_ = std::unexpected(std::move(why)); }
  void answer() override { answer_(std::move(outcome_)); }

private:
  reply<T> answer_;
  F work_;
  result<T> outcome_ = std::unexpected(error{});
};

/// A database with its threads: one writes, others read, with a connection each. Thread-safe.
/// limits::store_queue jobs may wait at the writer and as many at the readers, with
/// waiting_bytes_max of content; past that a call is `overloaded`. Destroy it on a thread of yours,
/// not in a reply.
class database {
public:
  static constexpr std::size_t waiting_bytes_max = 128u << 20;

  /// Opens or makes it and brings it to the newest version of `wanted`.
  [[nodiscard]] static result<std::shared_ptr<database>> open(const sql_config& config,
                                                              const schema& wanted);
  /// The migrations alone.
  [[nodiscard]] static result<schema_change> migrate_only(const sql_config& config,
                                                          const schema& wanted);
  ~database() { stop(); }
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  /// Work that changes rows: `result<T>(soci::session&)`, run in a transaction that it shares with
  /// others. A domain error must be found before anything is written, for it undoes nothing; a
  /// throw undoes this work alone. It may be run twice. `bytes` is the content that it carries.
  template <class T, class F>
  void write(reply<T> answer, F work, std::size_t bytes = 0) {
    push(writes_, {make_job(std::move(answer), std::move(work)), bytes, 0});
  }

  /// Work that only reads, in a snapshot of its own; it sees every write whose reply came before.
  template <class T, class F>
  void read(reply<T> answer, F work) {
    push(readers_.empty() ? writes_ : reads_, {make_job(std::move(answer), std::move(work)), 0, 0});
  }

  /// As read, and it sees every write that was asked for before, though it waits still.
  template <class T, class F>
  void read_in_order(reply<T> answer, F work) {
    push(readers_.empty() ? writes_ : reads_,
         {make_job(std::move(answer), std::move(work)), 0, in_order});
  }

  [[nodiscard]] const engine& on() const noexcept { return *engine_; }

  /// Finishes what waits and ends the threads. What is asked afterwards is `unavailable`.
  void stop();

private:
  static constexpr std::uint64_t in_order = ~std::uint64_t{0};

  struct waiting_job {
    std::unique_ptr<job> work;
    std::size_t bytes = 0;
    std::uint64_t after = 0; ///< how many writes must be finished before it starts
  };
  struct queue {
    std::deque<waiting_job> jobs;
    std::size_t bytes = 0;
    std::condition_variable wake;
  };

  explicit database(std::shared_ptr<const engine> on) : engine_(on), writer_(on, false) {}

  template <class T, class F>
  static std::unique_ptr<job> make_job(reply<T> answer, F work) {
    return std::make_unique<typed_job<T, F>>(std::move(answer), std::move(work));
  }
  void push(queue& to, waiting_job what);
  void start();
  void write_loop();
  void read_loop(connection& with);
  void run_batch(std::deque<waiting_job>& batch);
  void run_read(job& one, connection& with);

  const std::shared_ptr<const engine> engine_;
  connection writer_;
  std::deque<connection> readers_;

  std::mutex mutex_;
  queue writes_, reads_;            // guarded by mutex_
  std::uint64_t writes_asked_ = 0;  // guarded by mutex_
  std::uint64_t writes_done_ = 0;   // guarded by mutex_
  std::condition_variable written_; // writes_done_ rose
  bool stopping_ = false;           // guarded by mutex_
  std::vector<std::thread> threads_;
};

/// The error of a failed statement: `conflict` for a broken constraint, else `unavailable`, told in
/// the program's own log without the values that the statement carried.
[[nodiscard]] error to_error(fault what, const std::exception& why);

/// What SOCI says of a failure, without the statement and its values (they may be private).
[[nodiscard]] std::string reason_of(const std::exception& why);

extern const schema auth_schema, lease_schema, limit_schema, log_schema, prompt_schema;

} // namespace troupe::sql
