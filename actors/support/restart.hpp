#pragma once

#include "messages/base/error.hpp"

#include <chrono>
#include <string_view>

namespace troupe {

/// How soon a crashed service is made anew.
struct restart_policy {
  std::chrono::milliseconds first_delay{100};
  std::chrono::milliseconds longest_delay{10000};
  std::chrono::seconds forget_after{60}; ///< a run this long makes the next delay the first again
};

/// The delay before restart number `crashes` (from 1) in a row. Pure.
[[nodiscard]] std::chrono::milliseconds restart_delay(const restart_policy& policy,
                                                      unsigned crashes) noexcept;

/// What a request gets meanwhile: `unavailable`, with the time to come back.
[[nodiscard]] error restarting(const restart_policy& policy, unsigned crashes);

/// Logs and counts a crash.
void note_crash(std::string_view service, std::string_view what,
                std::chrono::milliseconds restart_in);

} // namespace troupe
