#include "adapters/http/http_metrics.hpp"

#include <array>
#include <atomic>
#include <mutex>

namespace troupe::http {
namespace {

using metrics::kind;
using metrics::metric;

// One counter a status code, made when it is first answered. They live as long as the process, as
// the registry wants it.
metric& requests_of(unsigned status) {
  static std::array<std::atomic<metric*>, 600> by_status{};
  static std::mutex making;
  auto& slot = by_status[status < 600 ? status : 500];
  if (auto* made = slot.load(std::memory_order_acquire)) return *made;
  const std::lock_guard lock(making);
  if (auto* made = slot.load(std::memory_order_relaxed)) return *made;
  auto* made = new metric(kind::counter, "troupe_http_requests_total", "Answered HTTP requests.",
                          "code=\"" + std::to_string(status) + "\"");
  slot.store(made, std::memory_order_release);
  return *made;
}

metric& latency() {
  static metric instance(kind::histogram, "troupe_http_request_seconds",
                         "Time from a request's header to the end of its answer.");
  return instance;
}

} // namespace

void count_request(unsigned status, double seconds) noexcept {
  try {
    requests_of(status).add();
    latency().observe(seconds);
  } catch (...) { // out of memory for a counter must not cost the request
  }
}

metric& open_connections() noexcept {
  static metric instance(kind::gauge, "troupe_http_connections", "Open HTTP connections.");
  return instance;
}

metric& open_streams() noexcept {
  static metric instance(kind::gauge, "troupe_http_streams", "Event streams being written.");
  return instance;
}

metric& turned_away() noexcept {
  static metric instance(kind::counter, "troupe_http_turned_away_total",
                         "Connections past http.connections_max or _per_address.");
  return instance;
}

metric& failed_handshakes() noexcept {
  static metric instance(kind::counter, "troupe_http_tls_failures_total",
                         "TLS handshakes that came to nothing.");
  return instance;
}

metric& hang_ups() noexcept {
  static metric instance(kind::counter, "troupe_http_hang_ups_total",
                         "Clients that went away before their answer was complete.");
  return instance;
}

} // namespace troupe::http
