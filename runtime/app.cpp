#include "runtime/app.hpp"

#include "messages/base/log.hpp"
#include "runtime/node.hpp"
#include "runtime/signals.hpp"

#include <sys/resource.h>
#include <csignal>
#include <cstdio>
#include <thread>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto poll_every = 5ms;
constexpr auto flush_patience = 5s;

std::string roles_text(const config& in) {
  std::string out;
  for (const auto& role : in.roles) out += (out.empty() ? "" : ",") + role;
  return out;
}

/// False when the end was asked for before it served.
bool wait_until_serving(const node& running, shutdown_signal& signals) {
  const auto began = clock::now();
  for (bool said = false; !running.serving();) {
    if (signals.wait(poll_every)) return false;
    if (!said && clock::now() - began > 2s) {
      log::warn("bus.waits", {{"for", "a broker that answers"}});
      said = true;
    }
  }
  return true;
}

template <class Condition>
void wait_for(Condition&& done, std::chrono::milliseconds patience) {
  const auto until = clock::now() + patience;
  while (!done() && clock::now() < until) std::this_thread::sleep_for(poll_every);
}

void drain(node& running, const settings::drain& in, bool has_served) {
  const auto patience = in.timeout;
  log::info("drain.began", {{"delay_ms", in.delay.count()}, {"patience_ms", patience.count()}});
  if (has_served && running.begin_leaving()) std::this_thread::sleep_for(in.delay);
  running.begin_drain();
  wait_for([&] { return running.idle(); }, patience);
  if (!running.idle()) {
    log::warn("drain.cut", {{"after_ms", patience.count()}});
    running.end_running();
    wait_for([&] { return running.idle(); }, 2s);
  }
  wait_for([&] { return running.flushed(); }, flush_patience);
  if (!running.flushed())
    log::error("drain.unlogged", {{"why", "the log did not acknowledge in time"}});
}

/// Every stream takes two descriptors; the default soft limit of 1,024 is for programs that use
/// select().
void allow_many_connections() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

} // namespace

int run_server(const config& in, shutdown_signal& signals) {
  allow_many_connections();
  std::signal(SIGUSR2, SIG_IGN); // for whoever asks a process without a flight recorder for it
  auto started = start_node(in);
  if (!started) {
    std::fprintf(stderr, "troupe: %s\n", started.error().message.c_str());
    return 1;
  }
  auto& running = **started;
  const bool has_served = wait_until_serving(running, signals);
  if (has_served) {
    running.begin_serving();
    std::printf("ready %s roles=%s\n", running.address().c_str(), roles_text(in).c_str());
    std::fflush(stdout);
    signals.wait_for_first();
  }
  drain(running, in.drain, has_served);
  started->reset();
  log::info("stopped");
  return 0;
}

} // namespace troupe
