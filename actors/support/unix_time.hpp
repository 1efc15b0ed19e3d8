#pragma once

#include <chrono>
#include <cstdint>

namespace troupe {

/// The wall clock in Unix milliseconds.
[[nodiscard]] inline std::int64_t unix_now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// The wall clock in Unix seconds.
[[nodiscard]] inline std::int64_t unix_now() {
  return unix_now_ms() / 1000;
}

} // namespace troupe
