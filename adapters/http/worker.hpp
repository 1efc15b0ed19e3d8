#pragma once

#include "adapters/http/caller_turns.hpp"
#include "adapters/http/connection.hpp"
#include "adapters/http/edge_state.hpp"
#include "adapters/http/mailbox.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <future>
#include <memory>
#include <thread>
#include <unordered_set>

namespace troupe::http {

/// One edge thread: its io_context, the connections on it, and one timer that looks at all of them.
class worker {
public:
  /// On `loop`, which runs already and outlives this, or with null on a thread of its own.
  worker(edge_state& edge, boost::asio::io_context* loop);
  ~worker() { stop(); }
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }

  void start();
  /// Closes all connections and waits until nothing of them is left on the thread. Idempotent; not
  /// from the thread itself.
  void stop();

  // Thread-safe: done on the worker's thread.
  void adopt(arrival client);
  void drain();
  void end_running(const error& why);

  // On the worker's thread.
  void forget(const std::shared_ptr<connection>& gone) { connections_.erase(gone); }
  [[nodiscard]] caller_turns& turns() noexcept { return turns_; }

private:
  void close_all(std::shared_ptr<std::promise<void>> closed);
  void deliver();
  void sweep();
  void each(const std::function<void(connection&)>& what);

  edge_state& edge_;
  std::unique_ptr<boost::asio::io_context> own_;
  boost::asio::io_context& context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<mailbox> mailbox_;
  caller_turns turns_; ///< its connections' places are gone before it
  std::unordered_set<std::shared_ptr<connection>> connections_;
  bool stopping_ = false;
  bool started_ = false; // of the caller of start() and stop()
  std::thread thread_;
};

} // namespace troupe::http
