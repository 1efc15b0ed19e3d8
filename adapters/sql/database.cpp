#include "adapters/sql/database.hpp"

#include "messages/base/limits.hpp"

#include <functional>
#include <optional>

namespace troupe::sql {
namespace {

/// Runs `work` in a transaction that is committed at its end. The error says that nothing was kept.
/// `work_failed` tells whether it was the work that threw, and not `begin` or `commit`.
std::optional<error> in_transaction(soci::session& session, const std::function<void()>& work,
                                    bool& work_failed) {
  work_failed = false;
  try {
    session << "begin immediate";
    work_failed = true;
    work();
    work_failed = false;
    session << "commit";
    return std::nullopt;
  } catch (const std::exception& why) {
    auto out = to_error(why);
    try {
      session << "rollback";
    } catch (const std::exception&) { // none was open, or SQLite rolled it back already
    }
    return out;
  }
}

/// Runs a job so that its failure undoes its own writes alone. Throws when the transaction itself
/// is lost (a full disk): then the savepoint is gone too.
void run_guarded(job& one, soci::session& session) {
  session << "savepoint one_job";
  try {
    one.run(session);
  } catch (const std::exception& why) {
    one.reject(to_error(why));
    session << "rollback to savepoint one_job";
  }
  session << "release savepoint one_job";
}

} // namespace

void database::start() {
  threads_.emplace_back([this] { write_loop(); });
  for (auto& session : readers_) threads_.emplace_back([this, &session] { read_loop(session); });
}

void database::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  writes_.wake.notify_all();
  reads_.wake.notify_all();
  for (auto& t : threads_) t.join();
  threads_.clear();
}

void database::push(queue& to, waiting_job what) {
  error why;
  {
    std::unique_lock lock(mutex_);
    const bool full = to.jobs.size() >= limits::store_queue ||
                      (!to.jobs.empty() && to.bytes + what.bytes > waiting_bytes_max);
    if (!full && !stopping_) {
      if (&to == &writes_)
        ++writes_asked_;
      else if (what.after == in_order)
        what.after = writes_asked_;
      to.bytes += what.bytes;
      to.jobs.push_back(std::move(what));
      lock.unlock();
      return to.wake.notify_one();
    }
    why = stopping_ ? make_error(errc::unavailable, "the store is closing")
                    : make_error(errc::overloaded, "too many requests wait for the store");
  }
  why.retry_after_ms = 1000;
  what.work->reject(std::move(why));
  what.work->answer();
}

void database::write_loop() {
  for (;;) {
    std::deque<waiting_job> batch;
    {
      std::unique_lock lock(mutex_);
      writes_.wake.wait(lock, [this] { return stopping_ || !writes_.jobs.empty(); });
      if (writes_.jobs.empty()) return;
      batch.swap(writes_.jobs);
      writes_.bytes = 0;
    }
    run_batch(batch);
    {
      const std::lock_guard lock(mutex_);
      writes_done_ += batch.size();
    }
    written_.notify_all();
    for (auto& one : batch) one.work->answer();
  }
}

/// One transaction for all that waited. If a job throws, all are done again, each behind a
/// savepoint (which costs the usual case nothing), so that one bad job does not spoil the others.
void database::run_batch(std::deque<waiting_job>& batch) {
  bool work_failed = false;
  auto why = in_transaction(
      writer_,
      [&] {
        for (auto& one : batch) one.work->run(writer_);
      },
      work_failed);
  if (why && work_failed)
    why = in_transaction(
        writer_,
        [&] {
          for (auto& one : batch) run_guarded(*one.work, writer_);
        },
        work_failed);
  if (!why) return;
  why->code = errc::unavailable;
  why->message = "the store did not answer";
  for (auto& one : batch) one.work->reject(*why);
}

void database::read_loop(soci::session& session) {
  for (;;) {
    waiting_job next;
    {
      std::unique_lock lock(mutex_);
      reads_.wake.wait(lock, [this] { return stopping_ || !reads_.jobs.empty(); });
      if (reads_.jobs.empty()) return;
      next = std::move(reads_.jobs.front());
      reads_.jobs.pop_front();
      written_.wait(lock, [&] { return writes_done_ >= next.after; });
    }
    run_read(*next.work, session);
    next.work->answer();
  }
}

/// A transaction makes the statements of one read see one state of the file.
void database::run_read(job& one, soci::session& session) {
  try {
    session.begin();
    one.run(session);
    session.commit();
  } catch (const std::exception& why) {
    one.reject(to_error(why));
    try {
      session.rollback();
    } catch (const std::exception&) { // none was open
    }
  }
}

} // namespace troupe::sql
