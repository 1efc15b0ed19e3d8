#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace troupe::test {

/// Waits for a condition that another thread makes true; false when it does not in time.
inline bool eventually(const std::function<bool()>& holds,
                       std::chrono::milliseconds patience = std::chrono::seconds(5)) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

} // namespace troupe::test
