#include "adapters/curl/curl_loop.hpp"

#include "messages/base/log.hpp"
#include "messages/base/thread_signals.hpp"

#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/post.hpp>
#include <future>
#include <utility>

namespace troupe::curl {

namespace asio = boost::asio;
using steady = std::chrono::steady_clock;

/// One socket of curl's. A connection's socket (`owned`) stays registered from its opening to its
/// closing, so that a call on a kept-alive connection costs no registration; curl's internal pairs
/// are released as soon as curl loses interest.
struct curl_loop::watch {
  explicit watch(asio::io_context& io) : descriptor(io) {}

  asio::posix::stream_descriptor descriptor;
  int wanted = 0;  // CURL_POLL_IN and CURL_POLL_OUT, as bits
  int waiting = 0; // which of them has an async_wait
  bool owned = false;
  bool closed = false;
};

curl_loop::curl_loop(unsigned connections_max, sweeper sweep, asio::io_context* io)
    : own_(io != nullptr ? nullptr : std::make_unique<asio::io_context>(1)),
      io_(io != nullptr ? *io : *own_),
      sweep_(std::move(sweep)),
      multi_(curl_multi_init()) {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &curl_loop::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &curl_loop::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(connections_max));
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(connections_max));
}

curl_loop::~curl_loop() {
  stop([] {});
}

void curl_loop::start() {
  stopped_ = false;
  if (own_) thread_ = std::thread([this] { run(); });
}

void curl_loop::run() {
  leave_signals_to_main();
  try {
    io_.run();
  } catch (const std::exception& e) {
    log::error("curl.loop_failed", {{"what", e.what()}});
    std::terminate(); // out of memory or a bug: nothing that could be answered
  }
}

void curl_loop::stop(job last) {
  std::promise<void> ended;
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return; // nothing is posted behind `last`
    jobs_.push_back([this, &ended, last = std::move(last)]() mutable {
      last();
      close_all();
      // Behind the handlers that the end has cancelled.
      asio::post(io_, [&ended] { ended.set_value(); });
    });
    if (!std::exchange(woken_, true)) asio::post(io_, [this] { run_jobs(); });
  }
  ended.get_future().wait();
  work_.reset();
  if (thread_.joinable()) thread_.join();
}

bool curl_loop::post(job work) {
  std::lock_guard lock(mutex_);
  if (stopped_) return false;
  jobs_.push_back(std::move(work));
  if (!std::exchange(woken_, true)) asio::post(io_, [this] { run_jobs(); });
  return true;
}

void curl_loop::run_jobs() noexcept {
  std::vector<job> batch;
  {
    std::lock_guard lock(mutex_);
    batch.swap(jobs_);
    woken_ = false;
  }
  for (auto& each : batch) each();
  drive();
}

void curl_loop::add(CURL* easy, transfer& owner) {
  running_.emplace(easy, &owner);
  curl_multi_add_handle(multi_, easy);
  arm_sweep();
}

void curl_loop::remove(CURL* easy) {
  if (running_.erase(easy) != 0) curl_multi_remove_handle(multi_, easy);
}

void curl_loop::prepare(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &curl_loop::on_open);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &curl_loop::on_close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
}

void curl_loop::drive() {
  if (multi_ == nullptr) return;
  // Curl asks again and again while a handle goes through states that wait for nothing.
  while (std::exchange(due_now_, false)) {
    int running = 0;
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  collect_done();
}

void curl_loop::collect_done() {
  int left = 0;
  while (auto* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const auto code = message->data.result;
    CURL* easy = message->easy_handle; // `message` ends with the removal
    curl_multi_remove_handle(multi_, easy);
    if (const auto found = running_.find(easy); found != running_.end()) {
      auto* owner = found->second;
      running_.erase(found);
      owner->on_done(code);
    }
  }
}

// Sockets

curl_socket_t curl_loop::on_open(void* self, curlsocktype, curl_sockaddr* address) {
  auto& loop = *static_cast<curl_loop*>(self);
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  loop.forget(fd);
  auto item = std::make_shared<watch>(loop.io_);
  boost::system::error_code failed;
  item->descriptor.assign(fd, failed);
  if (failed) {
    ::close(fd);
    return CURL_SOCKET_BAD;
  }
  item->owned = true;
  loop.watches_.emplace(fd, std::move(item));
  return fd;
}

int curl_loop::on_close(void* self, curl_socket_t fd) {
  static_cast<curl_loop*>(self)->forget(fd);
  return ::close(fd);
}

void curl_loop::forget(curl_socket_t fd) {
  const auto found = watches_.find(fd);
  if (found == watches_.end()) return;
  found->second->closed = true;
  found->second->descriptor.release(); // the descriptor is curl's or on_close's to close
  watches_.erase(found);
}

int curl_loop::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  auto& loop = *static_cast<curl_loop*>(self);
  auto found = loop.watches_.find(fd);
  if (what == CURL_POLL_REMOVE) {
    if (found == loop.watches_.end()) return 0;
    found->second->wanted = 0;
    if (!found->second->owned) loop.forget(fd);
    return 0;
  }
  if (found == loop.watches_.end()) {
    auto item = std::make_shared<watch>(loop.io_);
    boost::system::error_code failed;
    item->descriptor.assign(fd, failed);
    if (failed) return -1;
    found = loop.watches_.emplace(fd, std::move(item)).first;
  }
  found->second->wanted = what & CURL_POLL_INOUT;
  loop.arm(found->second);
  return 0;
}

void curl_loop::arm(const watch_ptr& item) {
  const int missing = item->wanted & ~item->waiting;
  if ((missing & CURL_POLL_IN) != 0) {
    item->waiting |= CURL_POLL_IN;
    item->descriptor.async_wait(asio::posix::descriptor_base::wait_read, [this, item](auto failed) {
      item->waiting &= ~CURL_POLL_IN;
      if (!failed) on_ready(item, CURL_POLL_IN);
    });
  }
  if ((missing & CURL_POLL_OUT) != 0) {
    item->waiting |= CURL_POLL_OUT;
    item->descriptor.async_wait(asio::posix::descriptor_base::wait_write,
                                [this, item](auto failed) {
                                  item->waiting &= ~CURL_POLL_OUT;
                                  if (!failed) on_ready(item, CURL_POLL_OUT);
                                });
  }
}

void curl_loop::on_ready(const watch_ptr& item, int what) {
  if (item->closed || (item->wanted & what) == 0) return; // an idle connection: curl looks on reuse
  int running = 0;
  curl_multi_socket_action(multi_, item->descriptor.native_handle(),
                           what == CURL_POLL_IN ? CURL_CSELECT_IN : CURL_CSELECT_OUT, &running);
  drive();
  if (!item->closed) arm(item);
}

// Timers

int curl_loop::on_timer(CURLM*, long timeout_ms, void* self) {
  auto& loop = *static_cast<curl_loop*>(self);
  loop.due_now_ = timeout_ms == 0;
  if (timeout_ms <= 0) {
    loop.timer_due_ = steady::time_point::max();
    return 0; // whoever called into curl calls drive() next
  }
  loop.arm_timer(steady::now() + std::chrono::milliseconds(timeout_ms));
  return 0;
}

void curl_loop::arm_timer(steady::time_point when) {
  timer_due_ = when;
  // Curl moves its timer with every call: let an earlier one fire and look again.
  if (timer_armed_ <= when) return;
  timer_armed_ = when;
  timer_.expires_at(when);
  timer_.async_wait([this](auto failed) {
    if (failed || multi_ == nullptr) return;
    timer_armed_ = steady::time_point::max();
    const auto due = timer_due_;
    if (due == steady::time_point::max()) return;
    if (due > steady::now()) return arm_timer(due);
    timer_due_ = steady::time_point::max();
    due_now_ = true;
    drive();
  });
}

void curl_loop::arm_sweep() {
  if (std::exchange(sweeping_, true)) return;
  sweep_timer_.expires_after(sweep_interval);
  sweep_timer_.async_wait([this](auto failed) {
    if (failed) return;
    sweeping_ = false;
    if (multi_ == nullptr) return;
    const bool more = sweep_(steady::now());
    drive();
    if (more) arm_sweep();
  });
}

void curl_loop::close_all() {
  while (!running_.empty()) remove(running_.begin()->first);
  curl_multi_cleanup(multi_); // closes the kept connections through on_close
  multi_ = nullptr;
  timer_.cancel();
  sweep_timer_.cancel();
  while (!watches_.empty()) forget(watches_.begin()->first);
}

} // namespace troupe::curl
