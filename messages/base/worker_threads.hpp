#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace troupe {

/// A few threads and a bounded queue for an adapter's blocking work. `reserve` a place, then `post`
/// the job: so that a caller who is refused still holds its reply. Thread-safe. Jobs start in the
/// order of `post` and must not throw.
class worker_threads {
public:
  using job = std::move_only_function<void()>;

  /// `at_start` runs first on each of the threads.
  worker_threads(unsigned threads, std::size_t waiting_max, std::function<void()> at_start = {})
      : waiting_max_(waiting_max) {
    for (unsigned n = 0; n < threads; ++n)
      threads_.emplace_back([this, at_start] {
        if (at_start) at_start();
        run();
      });
  }

  /// Running jobs finish, waiting ones are destroyed unrun (their replies answer `dropped`).
  ~worker_threads() {
    std::deque<job> unrun;
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      unrun.swap(jobs_);
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  worker_threads(const worker_threads&) = delete;
  worker_threads& operator=(const worker_threads&) = delete;

  /// Takes one of the places for waiting jobs; false when all are taken.
  [[nodiscard]] bool reserve() {
    std::lock_guard lock(mutex_);
    if (stopping_ || reserved_ >= waiting_max_) return false;
    ++reserved_;
    return true;
  }

  /// Runs `work` on one of the threads. Every call needs a `reserve` that said true.
  void post(job work) {
    {
      std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(work));
    }
    wake_.notify_one();
  }

private:
  void run() {
    for (std::unique_lock lock(mutex_);;) {
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      auto work = std::move(jobs_.front());
      jobs_.pop_front();
      --reserved_;
      lock.unlock();
      work();
      work = nullptr; // what it captured goes before the lock is taken again
      lock.lock();
    }
  }

  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<job> jobs_;     // guarded by mutex_
  std::size_t reserved_ = 0; // guarded by mutex_: places taken, posted or not yet
  bool stopping_ = false;    // guarded by mutex_
  std::vector<std::thread> threads_;
};

} // namespace troupe
