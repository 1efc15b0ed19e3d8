#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

/// Counters, gauges and histograms without a vendor: relaxed atomics, registered once by name in a
/// process-wide registry, printed by whoever serves /metrics in Prometheus's text format.
/// Declare them as function-local or namespace-scope statics; they live as long as the process.
namespace troupe::metrics {

enum class kind { counter, gauge, histogram };

/// Upper bounds of the latency buckets, in seconds.
inline constexpr std::array<double, 12> bucket_seconds{
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0};

class metric {
public:
  /// `name` in Prometheus style (`troupe_http_requests_total`), `labels` as printed between braces
  /// (`code="200"`) or empty.
  metric(kind type, std::string name, std::string help, std::string labels = {});
  metric(const metric&) = delete;
  metric& operator=(const metric&) = delete;

  void add(std::int64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  void set(std::int64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }
  /// Histograms only.
  void observe(double seconds) noexcept;

private:
  friend std::string render();

  kind type_;
  std::string name_, help_, labels_;
  std::atomic<std::int64_t> value_{0}; // histograms: the count
  std::atomic<std::int64_t> sum_us_{0};
  std::array<std::atomic<std::int64_t>, bucket_seconds.size()> buckets_{};
};

/// All metrics in Prometheus's text exposition format 0.0.4.
[[nodiscard]] std::string render();

} // namespace troupe::metrics
