#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <future>
#include <thread>

namespace troupe::test {

/// A running loop that the parts under test share, as in the program.
class loop_thread {
public:
  ~loop_thread() { end(); }

  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }

  /// Whether the loop still runs what is posted.
  [[nodiscard]] bool is_alive() {
    std::promise<void> ran;
    boost::asio::post(context_, [&] { ran.set_value(); });
    ran.get_future().wait();
    return true;
  }
  /// Returns when nothing is left on the loop: a part that left a timer or a wait behind hangs
  /// here.
  void end() {
    work_.reset();
    if (thread_.joinable()) thread_.join();
  }

private:
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      context_.get_executor()};
  std::thread thread_{[this] { context_.run(); }};
};

} // namespace troupe::test
