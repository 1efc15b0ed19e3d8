#include "runtime/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <system_error>

namespace troupe {
namespace {

int checked(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::system_category(), what);
  return descriptor;
}

void raise_event(int descriptor) noexcept {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, that is, when it has been raised already.
  [[maybe_unused]] const auto n = ::write(descriptor, &one, sizeof one);
}

/// Takes one pending signal from the descriptor; false when there was none.
bool take_signal(int descriptor) noexcept {
  signalfd_siginfo info;
  return ::read(descriptor, &info, sizeof info) == sizeof info;
}

} // namespace

shutdown_signal::shutdown_signal() {
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  if (const int code = pthread_sigmask(SIG_BLOCK, &stops, nullptr); code != 0) {
    throw std::system_error(code, std::system_category(), "pthread_sigmask");
  }
  std::signal(SIGPIPE, SIG_IGN);
  signals_ = checked(::signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
  requests_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  closing_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
}

shutdown_signal::~shutdown_signal() {
  if (watcher_.joinable()) {
    raise_event(closing_);
    watcher_.join();
  }
  for (const int descriptor : {signals_, requests_, closing_}) ::close(descriptor);
}

bool shutdown_signal::wait(std::chrono::milliseconds patience) {
  if (asked_) return true;
  pollfd on[] = {{signals_, POLLIN, 0}, {requests_, POLLIN, 0}};
  const auto most = std::chrono::milliseconds(std::numeric_limits<int>::max());
  if (::poll(on, 2, static_cast<int>(std::min(patience, most).count())) <= 0) return false;
  if ((on[0].revents & POLLIN) != 0 && take_signal(signals_)) asked_ = true;
  if ((on[1].revents & POLLIN) != 0) asked_ = true;
  if (asked_) watcher_ = std::thread([this] { watch_for_second(); });
  return asked_;
}

void shutdown_signal::wait_for_first() {
  while (!wait(std::chrono::hours(1))) {
  }
}

void shutdown_signal::request() noexcept {
  raise_event(requests_);
}

void shutdown_signal::watch_for_second() {
  pollfd on[] = {{signals_, POLLIN, 0}, {closing_, POLLIN, 0}};
  for (;;) {
    if (::poll(on, 2, -1) < 0 && errno != EINTR) return;
    if ((on[0].revents & POLLIN) != 0 && take_signal(signals_)) ::_exit(130);
    if ((on[1].revents & POLLIN) != 0) return;
  }
}

} // namespace troupe
