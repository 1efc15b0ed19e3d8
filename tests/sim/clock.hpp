#pragma once

#include "tests/sim/history.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <vector>

namespace troupe::sim {

using std::chrono::microseconds;

/// Virtual time: what is to happen, in order; and the one source of chance.
class clock {
public:
  explicit clock(std::uint64_t seed) : chance_(seed) {}

  [[nodiscard]] instant now() const noexcept { return now_; }
  void at(instant when, std::function<void()> what) {
    events_.push({std::max(when, now_), ++count_, std::move(what)});
  }
  void in(microseconds delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }

  void run_until(instant end) {
    while (!events_.empty() && events_.top().when <= end) {
      auto next = std::move(const_cast<event&>(events_.top())); // top() gives no other way to move
      events_.pop();
      now_ = next.when;
      next.what();
    }
    now_ = end;
  }

  [[nodiscard]] std::uint64_t pick(std::uint64_t count) { return chance_() % count; }
  [[nodiscard]] bool happens(double probability) {
    return static_cast<double>(chance_() >> 11) * 0x1p-53 < probability;
  }
  [[nodiscard]] microseconds between(microseconds least, microseconds most) {
    return least + microseconds(pick(static_cast<std::uint64_t>((most - least).count()) + 1));
  }
  [[nodiscard]] std::uint64_t bits() { return chance_(); }

private:
  struct event {
    instant when;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const event& other) const { // the queue has the greatest first
      return when != other.when ? when > other.when : order > other.order;
    }
  };

  instant now_ = instant(std::chrono::hours(1));
  std::uint64_t count_ = 0;
  std::priority_queue<event> events_;
  std::mt19937_64 chance_;
};

} // namespace troupe::sim
