#pragma once

#include "actors/ports/limit_rules.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

/// The counters of limit_rules for adapters that count by themselves. Pure; times are milliseconds
/// of the store's clock.
namespace troupe::limit_rules {

/// What one counter would answer to a want.
struct judgement {
  bool granted = false;
  std::int64_t retry_after_ms = 0;
};

[[nodiscard]] inline limit_state state_of(std::int64_t most, std::int64_t used,
                                          std::int64_t reset_ms) {
  return {std::max(most - used, std::int64_t{0}), std::chrono::milliseconds(reset_ms)};
}

/// Amounts in the buckets of a sliding window.
class sliding_counter {
public:
  struct bucket {
    std::int64_t number = 0; ///< it covers [number, number + 1) * the buckets' length
    std::int64_t amount = 0;
  };

  explicit sliding_counter(std::chrono::milliseconds window)
      : window_ms_(window.count()), width_(bucket_ms(window)) {}

  /// Forgets the buckets that have wholly left the window.
  void slide(std::int64_t now) {
    auto first = buckets_.begin();
    for (; first != buckets_.end() && gone_at(*first) <= now; ++first) sum_ -= first->amount;
    buckets_.erase(buckets_.begin(), first);
  }
  [[nodiscard]] judgement judge(std::int64_t now, const limit_want& want) const {
    if (want.amount > want.most) return {false, window_ms_};
    auto used = sum_;
    if (used + want.amount <= want.most) return {true, 0};
    for (const auto& each : buckets_) {
      used -= each.amount;
      if (used + want.amount <= want.most) return {false, gone_at(each) - now};
    }
    return {false, window_ms_};
  }
  /// Answers the bucket in which it was counted: not before the newest, for the clock of a server
  /// that took over may be behind.
  std::int64_t add(std::int64_t now, std::int64_t amount) {
    const auto number = now / width_;
    if (buckets_.empty() || buckets_.back().number < number) buckets_.push_back({number, 0});
    buckets_.back().amount += amount;
    sum_ += amount;
    return buckets_.back().number;
  }
  /// Moves what a bucket holds, if it still counts.
  void move(std::int64_t now, std::int64_t number, std::int64_t difference) {
    slide(now);
    for (auto& each : buckets_) {
      if (each.number != number) continue;
      each.amount += difference;
      sum_ += difference;
    }
  }
  [[nodiscard]] limit_state state(std::int64_t now, std::int64_t most) const {
    return state_of(most, sum_, sum_ > 0 ? ends_at() - now : 0);
  }
  [[nodiscard]] bool is_empty() const noexcept { return buckets_.empty(); }

  /// For who keeps it elsewhere: its buckets, ascending, and one of them put back, in that order.
  [[nodiscard]] const std::vector<bucket>& buckets() const noexcept { return buckets_; }
  void put_back(bucket each) {
    buckets_.push_back(each);
    sum_ += each.amount;
  }
  /// When nothing of it counts any more; 0: nothing does.
  [[nodiscard]] std::int64_t ends_at() const noexcept {
    return buckets_.empty() ? 0 : gone_at(buckets_.back());
  }

private:
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
  void slide(std::int64_t now) {
    if (now < earliest_) return;
    std::erase_if(until_, [now](const auto& each) { return each.second <= now; });
    earliest_ = std::numeric_limits<std::int64_t>::max();
    for (const auto& [id, until] : until_) earliest_ = std::min(earliest_, until);
  }
  [[nodiscard]] judgement judge(const limit_want& want) const {
    if (want.amount > want.most) return {false, want.window.count()};
    if (held() + want.amount <= want.most) return {true, 0};
    const std::chrono::milliseconds wait = limits::limit_stream_retry;
    return {false, std::min(wait, want.window).count()};
  }
  void hold(const std::string& id, std::int64_t until) {
    until_[id] = until;
    earliest_ = std::min(earliest_, until);
  }
  void give_back(const std::string& id) { until_.erase(id); }
  [[nodiscard]] bool holds(const std::string& id) const { return until_.contains(id); }
  [[nodiscard]] limit_state state(std::int64_t now, std::int64_t most) const {
    return state_of(most, held(), std::max(ends_at(), now) - now);
  }
  [[nodiscard]] bool is_empty() const noexcept { return until_.empty(); }

  /// For who keeps it elsewhere: until when each id holds its stream.
  [[nodiscard]] const std::unordered_map<std::string, std::int64_t>& leases() const noexcept {
    return until_;
  }
  /// When nobody holds a stream any more; 0: nobody does.
  [[nodiscard]] std::int64_t ends_at() const noexcept {
    std::int64_t last = 0;
    for (const auto& [id, until] : until_) last = std::max(last, until);
    return last;
  }

private:
  [[nodiscard]] std::int64_t held() const noexcept {
    return static_cast<std::int64_t>(until_.size());
  }

  std::unordered_map<std::string, std::int64_t> until_;
  std::int64_t earliest_ = std::numeric_limits<std::int64_t>::max(); // before it none ends
};

} // namespace troupe::limit_rules
