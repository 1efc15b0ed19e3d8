#pragma once

#include "broker/frame_bodies.hpp"
#include "broker/keys.hpp"
#include "messages/base/result.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace troupe {

struct tap_config {
  std::vector<std::string> brokers; ///< addresses, `tcp://127.0.0.1:7700`
  wire::tap_body wish;
  secret key = {};                           ///< with it links are encrypted
  std::vector<std::string> broker_keys = {}; ///< public; the first is tried
};

/// Looks on at brokers as a node of its own that asks and serves nothing. Blocks, and calls back on
/// this thread.
struct tap_callbacks {
  std::function<void(const std::string& broker, const wire::tapped_body&)> frame;
  std::function<void(const std::string& broker, const std::string& what)> note; ///< linked, or gone
  std::function<bool()> is_over; ///< asked at least ten times a second
};

/// Until is_over(). Errors: a broker refuses the tap (`forbidden`, `overloaded`, `version`), an
/// address is none (`invalid_argument`), no broker answers within `patience` (`unavailable`).
[[nodiscard]] result<void> run_tap(const tap_config& config, const tap_callbacks& told,
                                   std::chrono::milliseconds patience = std::chrono::seconds(5));

} // namespace troupe
