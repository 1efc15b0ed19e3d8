#include "messages/base/metrics.hpp"

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <utility>
#include <vector>

namespace troupe::metrics {
namespace {

struct registry {
  std::mutex mutex;
  std::vector<metric*> all;
};

registry& the_registry() {
  static auto* instance = new registry; // outlives every static metric
  return *instance;
}

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", v);
  return text;
}

} // namespace

metric::metric(kind type, std::string name, std::string help, std::string labels)
    : type_(type), name_(std::move(name)), help_(std::move(help)), labels_(std::move(labels)) {
  auto& r = the_registry();
  const std::lock_guard lock(r.mutex);
  r.all.push_back(this);
}

void metric::observe(double seconds) noexcept {
  add(1);
  sum_us_.fetch_add(static_cast<std::int64_t>(seconds * 1e6), std::memory_order_relaxed);
  const auto at = std::lower_bound(bucket_seconds.begin(), bucket_seconds.end(), seconds);
  if (at != bucket_seconds.end())
    buckets_[static_cast<std::size_t>(at - bucket_seconds.begin())].fetch_add(
        1, std::memory_order_relaxed);
}

std::string render() {
  auto& r = the_registry();
  const std::lock_guard lock(r.mutex);
  auto all = r.all;
  std::stable_sort(all.begin(), all.end(),
                   [](const metric* a, const metric* b) { return a->name_ < b->name_; });
  std::string out;
  const std::string* last = nullptr;
  for (const auto* m : all) {
    if (!last || *last != m->name_) {
      static constexpr const char* names[] = {"counter", "gauge", "histogram"};
      out += "# HELP " + m->name_ + ' ' + m->help_ + "\n# TYPE " + m->name_ + ' ' +
             names[static_cast<int>(m->type_)] + '\n';
      last = &m->name_;
    }
    const auto braces = m->labels_.empty() ? std::string() : '{' + m->labels_ + '}';
    if (m->type_ != kind::histogram) {
      out += m->name_ + braces + ' ' + std::to_string(m->value()) + '\n';
      continue;
    }
    const auto prefix = m->labels_.empty() ? std::string() : m->labels_ + ',';
    std::int64_t below = 0;
    for (std::size_t i = 0; i < bucket_seconds.size(); ++i) {
      below += m->buckets_[i].load(std::memory_order_relaxed);
      out += m->name_ + "_bucket{" + prefix + "le=\"" + number(bucket_seconds[i]) + "\"} " +
             std::to_string(below) + '\n';
    }
    out += m->name_ + "_bucket{" + prefix + "le=\"+Inf\"} " + std::to_string(m->value()) + '\n';
    out += m->name_ + "_sum" + braces + ' ' +
           number(static_cast<double>(m->sum_us_.load(std::memory_order_relaxed)) / 1e6) + '\n';
    out += m->name_ + "_count" + braces + ' ' + std::to_string(m->value()) + '\n';
  }
  return out;
}

} // namespace troupe::metrics
