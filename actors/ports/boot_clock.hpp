#pragma once

#include <chrono>
#include <ctime>

namespace troupe {

/// The time since this machine started, its sleep included (CLOCK_BOOTTIME): what owners of leases
/// should count by. std::chrono::steady_clock stands still while the machine sleeps, and leases do
/// not. The type is steady_clock's, so that pure code takes either; do not mix them. Thread-safe.
[[nodiscard]] inline std::chrono::steady_clock::time_point boot_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::steady_clock::time_point(std::chrono::seconds(now.tv_sec) +
                                               std::chrono::nanoseconds(now.tv_nsec));
}

} // namespace troupe
