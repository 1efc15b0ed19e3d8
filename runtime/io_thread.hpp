#pragma once

#include "messages/base/idle_spin.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <thread>

namespace troupe {

/// A running io_context with one thread. Destroying it waits until everything on it has ended.
class io_thread {
public:
  /// `spin`: how long it looks for news before it sleeps.
  explicit io_thread(std::chrono::microseconds spin);
  ~io_thread();
  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;

  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }

private:
  void run();
  void run_awake();

  idle_spin spin_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      context_.get_executor()};
  std::thread thread_;
};

} // namespace troupe
