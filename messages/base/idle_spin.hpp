#pragma once

#include <chrono>
#include <thread>

namespace troupe {

/// Whether a thread that waits for news looks again instead of sleeping. A thread that sleeps costs
/// its next message the wake-up of an idle core (30 µs); one that looks on costs processor time,
/// and on a crowded machine its turn: a thread that yields there gets it back milliseconds later.
/// So it looks on for a short while after news, and not where others want the core. One thread
/// only.
class idle_spin {
public:
  using clock = std::chrono::steady_clock;

  /// `longest` after the last news; zero never looks on.
  explicit idle_spin(std::chrono::microseconds longest) noexcept : longest_(longest) {}

  [[nodiscard]] bool is_on() const noexcept { return longest_.count() > 0; }

  [[nodiscard]] bool may_look(clock::time_point now, clock::time_point last_news) const noexcept {
    return now - last_news < longest_ && now >= crowded_until_;
  }

  /// Lets others have the core, and learns from how long they keep it.
  void yield() noexcept {
    const auto before = clock::now();
    std::this_thread::yield();
    yielded(before, clock::now());
  }

  void yielded(clock::time_point before, clock::time_point after) noexcept {
    if (after - before > others_wait) crowded_until_ = after + crowded_for;
  }

  /// Between a neighbour's turn for a message (tens of µs) and a scheduler's time slice (4 ms at
  /// 250 Hz).
  static constexpr std::chrono::microseconds others_wait{2000};
  static constexpr std::chrono::milliseconds crowded_for{500};

private:
  std::chrono::microseconds longest_;
  clock::time_point crowded_until_{};
};

} // namespace troupe
