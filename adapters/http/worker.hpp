#pragma once

#include "adapters/http/connection.hpp"
#include "adapters/http/edge_state.hpp"
#include "adapters/http/mailbox.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <thread>
#include <unordered_set>

namespace troupe::http {

/// One edge thread: an io_context, its connections, and one timer that looks at all of them.
class worker {
public:
  explicit worker(edge_state& edge);
  ~worker() { stop(); }
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }

  void start();
  /// Closes all connections and joins. Idempotent; not from the thread itself.
  void stop();

  // Thread-safe: done on the worker's thread.
  void adopt(boost::asio::ip::tcp::socket socket);
  void drain();
  void end_running(const error& why);

  // On the worker's thread.
  void forget(const std::shared_ptr<connection>& gone) { connections_.erase(gone); }

private:
  void deliver();
  void sweep();
  void each(const std::function<void(connection&)>& what);

  edge_state& edge_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<mailbox> mailbox_;
  std::unordered_set<std::shared_ptr<connection>> connections_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace troupe::http
