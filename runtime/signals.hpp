#pragma once

#include <chrono>
#include <thread>

namespace troupe {

/// SIGTERM and SIGINT as something to wait for. Make one in main() before any thread exists: it
/// blocks both signals in the calling thread, hence in every thread that is started later, and
/// ignores SIGPIPE. After the first signal a second one ends the process at once with code 130.
class shutdown_signal {
public:
  shutdown_signal();
  ~shutdown_signal();
  shutdown_signal(const shutdown_signal&) = delete;
  shutdown_signal& operator=(const shutdown_signal&) = delete;

  /// Waits at most `patience`; true when the end has been asked for (and from then on, at once).
  /// One thread at a time.
  [[nodiscard]] bool wait(std::chrono::milliseconds patience);

  /// Waits for the first signal or request().
  void wait_for_first();

  /// Asks for the end as a signal would: a role that cannot go on, a test. Thread-safe.
  void request() noexcept;

private:
  void watch_for_second();

  int signals_ = -1;  ///< signalfd
  int requests_ = -1; ///< eventfd, set by request()
  int closing_ = -1;  ///< eventfd, ends the watcher
  bool asked_ = false;
  std::thread watcher_; ///< lives from the first signal on
};

} // namespace troupe
