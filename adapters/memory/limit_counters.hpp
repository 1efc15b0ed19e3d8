#pragma once

#include "actors/ports/limit_rules.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::memory {

/// What one counter would answer to a want.
struct limit_judgement {
  bool granted = false;
  std::int64_t retry_after_ms = 0;
};

/// Amounts in the buckets of a sliding window. Times are milliseconds of the store's clock.
class sliding_counter {
public:
  explicit sliding_counter(std::chrono::milliseconds window)
      : window_ms_(window.count()), width_(limit_rules::bucket_ms(window)) {}

  /// Forgets the buckets that have wholly left the window.
  void slide(std::int64_t now);
  [[nodiscard]] limit_judgement judge(std::int64_t now, const limit_want& want) const;
  /// Answers the bucket in which it was counted.
  std::int64_t add(std::int64_t now, std::int64_t amount);
  /// Moves what a bucket holds, if it still counts.
  void move(std::int64_t now, std::int64_t bucket, std::int64_t difference);
  [[nodiscard]] limit_state state(std::int64_t now, std::int64_t most) const;
  [[nodiscard]] bool is_empty() const noexcept { return buckets_.empty(); }

private:
  struct bucket {
    std::int64_t number = 0; ///< it covers [number, number + 1) * width_
    std::int64_t amount = 0;
  };

  /// When a bucket has wholly left the window.
  [[nodiscard]] std::int64_t gone_at(const bucket& b) const noexcept {
    return (b.number + limits::limit_buckets + 1) * width_;
  }

  std::int64_t window_ms_, width_;
  std::int64_t sum_ = 0;
  std::vector<bucket> buckets_; // ascending; only those that count
};

/// The reservations that hold a stream, each until its lease ends.
class lease_set {
public:
  void slide(std::int64_t now);
  [[nodiscard]] limit_judgement judge(const limit_want& want) const;
  void hold(const std::string& id, std::int64_t until) {
    until_[id] = until;
    earliest_ = std::min(earliest_, until);
  }
  void give_back(const std::string& id) { until_.erase(id); }
  [[nodiscard]] bool holds(const std::string& id) const { return until_.contains(id); }
  [[nodiscard]] limit_state state(std::int64_t now, std::int64_t most) const;
  [[nodiscard]] bool is_empty() const noexcept { return until_.empty(); }

private:
  std::unordered_map<std::string, std::int64_t> until_;
  std::int64_t earliest_ = std::numeric_limits<std::int64_t>::max(); // before it none ends
};

} // namespace troupe::memory
