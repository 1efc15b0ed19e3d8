#pragma once

#include <curl/curl.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace troupe::curl {

/// What curl_loop tells of one easy handle; all on the loop's thread, never inside a curl callback.
class transfer {
public:
  virtual ~transfer() = default;
  /// The transfer ended. Its handle has left the loop already.
  virtual void on_done(CURLcode code) = 0;
};

/// libcurl's multi interface on the one thread of an io_context. Everything but post() and stop()
/// belongs to that thread.
class curl_loop {
public:
  using job = std::move_only_function<void()>;
  /// Looks for what timed out; false: nothing is left to look at, do not come back.
  using sweeper = std::move_only_function<bool(std::chrono::steady_clock::time_point now)>;
  static constexpr std::chrono::milliseconds sweep_interval{50};

  /// `sweep` runs on the loop's thread every sweep_interval after an add(); it may call remove().
  /// Without `io` the loop has a thread of its own; else `io` runs already and outlives it.
  curl_loop(unsigned connections_max, sweeper sweep, boost::asio::io_context* io);
  curl_loop(const curl_loop&) = delete;
  curl_loop& operator=(const curl_loop&) = delete;
  ~curl_loop(); ///< after stop()

  void start();
  /// Runs `last` on the loop's thread, closes all connections and waits until nothing of them is
  /// left there. Idempotent; not from the loop's thread.
  void stop(job last);

  /// Any thread. Runs `work` on the loop's thread, in order; the loop is woken once for all jobs
  /// that were posted while it was busy. False, and `work` is dropped, after stop().
  bool post(job work);

  /// Starts the transfer of `easy`, whose CURLOPT_PRIVATE this sets. Only from a job.
  void add(CURL* easy, transfer& owner);
  /// Takes an unfinished transfer out, which closes its connection at once. Not inside a curl
  /// callback: curl refuses that.
  void remove(CURL* easy);
  /// Sets the options of a new easy handle that the loop needs for its sockets.
  void prepare(CURL* easy);
  /// Lets curl go on with what a call outside its callbacks made ready (an unpaused transfer).
  void drive();

private:
  struct watch;
  using watch_ptr = std::shared_ptr<watch>;

  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*);
  static int on_timer(CURLM*, long timeout_ms, void* self);
  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* address);
  static int on_close(void* self, curl_socket_t fd);

  void run();
  void run_jobs() noexcept; ///< an exception is out of memory or a bug: nothing could be answered
  void arm(const watch_ptr& item);
  void on_ready(const watch_ptr& item, int what);
  void forget(curl_socket_t fd);
  void collect_done();
  void arm_timer(std::chrono::steady_clock::time_point when);
  void arm_sweep();
  void close_all();

  std::unique_ptr<boost::asio::io_context> own_;
  boost::asio::io_context& io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  boost::asio::steady_timer timer_{io_};
  boost::asio::steady_timer sweep_timer_{io_};
  sweeper sweep_;
  CURLM* multi_;
  std::unordered_map<curl_socket_t, watch_ptr> watches_;
  std::unordered_map<CURL*, transfer*> running_;
  std::chrono::steady_clock::time_point timer_due_ = std::chrono::steady_clock::time_point::max();
  std::chrono::steady_clock::time_point timer_armed_ = std::chrono::steady_clock::time_point::max();
  bool due_now_ = false;  // curl asked for a time-out of 0
  bool sweeping_ = false; // sweep_timer_ runs

  std::mutex mutex_;      // guards the four below
  std::vector<job> jobs_; // bounded by what the owner lets run
  bool woken_ = false;
  bool stopped_ = true; // until start()
  std::thread thread_;
};

} // namespace troupe::curl
