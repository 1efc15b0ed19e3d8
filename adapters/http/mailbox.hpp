#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace troupe::http {

class exchange;

/// Work for one edge thread from any thread. It outlives the thread's io_context, so that an answer
/// that comes too late finds a closed mailbox and not a dead context. One wake-up serves all that
/// was put in since the last. Bounded by the requests in flight: each has at most one entry.
class mailbox {
public:
  explicit mailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  /// Thread-safe. Dropped when closed.
  void put(std::shared_ptr<exchange> changed) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    waiting_.push_back(std::move(changed));
    if (waiting_.size() == 1) wake_();
  }

  /// The owner's thread: everything that waits, in order.
  [[nodiscard]] std::vector<std::shared_ptr<exchange>> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
  }

  void close() {
    std::vector<std::shared_ptr<exchange>> dropped; // destroyed after the lock is free
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(waiting_);
  }

private:
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<std::shared_ptr<exchange>> waiting_;
  std::function<void()> wake_; // called under the lock, so never after close()
};

} // namespace troupe::http
