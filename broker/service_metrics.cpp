#include "broker/service_metrics.hpp"

#include "messages/base/metrics.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace troupe::wire {
namespace {

using metrics::kind;
using metrics::metric;

constexpr const char* other_name = "other";

bool is_plain(const std::string& name) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789_-.";
  return !name.empty() && name.find_first_not_of(allowed) == std::string::npos;
}

std::string label(const std::string& service) {
  return "service=\"" + service + '"';
}

struct gauge : metric {
  gauge(const char* name, const char* help, std::string labels)
      : metric(kind::gauge, name, help, std::move(labels)) {}
  void to(std::uint64_t n) noexcept { set(static_cast<std::int64_t>(n)); }
};

struct waiting_gauge : gauge {
  waiting_gauge(const std::string& service, const char* priority)
      : gauge("troupe_broker_service_queued", "Requests that wait for a worker, by priority",
              label(service) + ",priority=\"" + priority + '"') {}
};

struct series {
  explicit series(const std::string& of)
      : workers("troupe_broker_service_workers", "Nodes that serve it", label(of)),
        credit("troupe_broker_service_credit", "Requests that its nodes take at once", label(of)),
        in_flight("troupe_broker_service_in_flight", "Requests in its nodes' hands", label(of)),
        requests(kind::counter, "troupe_broker_service_requests_total", "Requests that came",
                 label(of)),
        oldest("troupe_broker_service_oldest_milliseconds",
               "For how long the first of those that wait has waited", label(of)),
        control(of, "control"),
        interactive(of, "interactive"),
        normal(of, "normal"),
        batch(of, "batch") {}

  void set(const service_load& l) noexcept {
    workers.to(l.workers);
    credit.to(l.credit);
    in_flight.to(l.in_flight);
    oldest.to(l.oldest_ms);
    requests.set(static_cast<std::int64_t>(l.requests));
    control.to(l.waiting.control);
    interactive.to(l.waiting.interactive);
    normal.to(l.waiting.normal);
    batch.to(l.waiting.batch);
  }

  gauge workers, credit, in_flight;
  metric requests;
  gauge oldest;
  waiting_gauge control, interactive, normal, batch;
};

/// Metrics live as long as the process.
struct all_series {
  std::mutex mutex; ///< tests have several brokers in a process
  std::map<std::string, std::unique_ptr<series>> by_name;

  series& of(const std::string& service) {
    if (const auto at = by_name.find(service); at != by_name.end()) return *at->second;
    const bool has_room = is_plain(service) && by_name.size() < service_series_max;
    const auto [at, is_new] = by_name.try_emplace(has_room ? service : other_name);
    if (is_new) at->second = std::make_unique<series>(at->first);
    return *at->second;
  }
};

void add(service_load& sum, const service_load& l) {
  sum.workers += l.workers;
  sum.credit += l.credit;
  sum.in_flight += l.in_flight;
  sum.requests += l.requests;
  sum.oldest_ms = std::max(sum.oldest_ms, l.oldest_ms);
  sum.waiting.control += l.waiting.control;
  sum.waiting.interactive += l.waiting.interactive;
  sum.waiting.normal += l.waiting.normal;
  sum.waiting.batch += l.waiting.batch;
}

} // namespace

void publish_services(const std::vector<service_load>& loads) {
  static auto* all = new all_series;
  const std::lock_guard lock(all->mutex);
  std::map<series*, service_load> sums;
  for (const auto& l : loads) add(sums[&all->of(l.name)], l);
  for (const auto& [of, sum] : sums) of->set(sum);
}

} // namespace troupe::wire
