#include "adapters/sql/database.hpp"

#include "messages/base/limits.hpp"
#include "messages/base/log.hpp"

#include <functional>
#include <optional>
#include <utility>

namespace troupe::sql {
namespace {

/// How often a batch that met a deadlock or a lost connection is begun again.
constexpr int attempts_max = 4;

/// How a transaction failed: nothing was kept, unless the connection was lost over the commit, when
/// nobody knows.
struct failure {
  fault what = fault::other;
  error why;
  enum class stage : std::uint8_t { begin, work, commit } at = stage::begin;
};

/// Runs `work` in a transaction that is committed at its end.
std::optional<failure> in_transaction(connection& with, const std::function<void()>& work) {
  failure out;
  auto& session = with.session();
  try {
    session << std::string(with.on().begin_write());
    out.at = failure::stage::work;
    work();
    out.at = failure::stage::commit;
    session << "commit";
    return std::nullopt;
  } catch (const std::exception& why) {
    out.what = with.on().judge(why);
    out.why = to_error(out.what, why);
    if (out.what == fault::lost) {
      with.lose();
      return out;
    }
    try {
      session << "rollback";
    } catch (const std::exception&) { // none was open, or it was rolled back already
    }
    return out;
  }
}

/// Runs a job so that its failure undoes its own writes alone. Throws when the transaction itself
/// is lost (a deadlock, a full disk): then the savepoint is gone too.
void run_guarded(job& one, connection& with) {
  auto& session = with.session();
  session << "savepoint one_job";
  try {
    one.run(session);
  } catch (const std::exception& why) {
    const auto what = with.on().judge(why);
    if (what == fault::lost || what == fault::retry) throw;
    one.reject(to_error(what, why));
    session << "rollback to savepoint one_job";
  }
  session << "release savepoint one_job";
}

error unreachable() {
  auto out = make_error(errc::unavailable, "the store cannot be reached");
  out.retry_after_ms = 1000;
  return out;
}

} // namespace

void database::start() {
  threads_.emplace_back([this] { write_loop(); });
  for (auto& with : readers_) threads_.emplace_back([this, &with] { read_loop(with); });
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
  bool guarded = false;
  auto why = unreachable();
  for (int attempt = 0; attempt < attempts_max && writer_.ready(); ++attempt) {
    const auto failed = in_transaction(writer_, [&] {
      for (auto& one : batch)
        guarded ? run_guarded(*one.work, writer_) : one.work->run(writer_.session());
    });
    if (!failed) return;
    why = make_error(errc::unavailable, "the store did not answer");
    if (failed->what == fault::retry) continue;
    if (failed->what == fault::lost) {
      // What the commit did is not known, so that it must not be done again.
      if (failed->at == failure::stage::commit) break;
      why = unreachable();
    } else if (failed->at != failure::stage::work || std::exchange(guarded, true)) {
      break;
    }
  }
  for (auto& one : batch) one.work->reject(why);
}

void database::read_loop(connection& with) {
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
    run_read(*next.work, with);
    next.work->answer();
  }
}

/// A transaction makes the statements of one read see one state of the database.
void database::run_read(job& one, connection& with) {
  auto why = unreachable();
  for (int attempt = 0; attempt < attempts_max && with.ready(); ++attempt) {
    try {
      with.session().begin();
      one.run(with.session());
      with.session().commit();
      return;
    } catch (const std::exception& failed) {
      const auto what = with.on().judge(failed);
      why = to_error(what, failed);
      if (what == fault::lost) {
        with.lose();
        why = unreachable();
        continue;
      }
      try {
        with.session().rollback();
      } catch (const std::exception&) { // none was open
      }
      if (what != fault::retry) break;
    }
  }
  one.reject(std::move(why));
}

error to_error(fault what, const std::exception& why) {
  if (what == fault::conflict) return make_error(errc::conflict, "it exists already");
  log::warn("sql.failed", {{"why", reason_of(why)}});
  return make_error(errc::unavailable, "the store did not answer");
}

} // namespace troupe::sql
