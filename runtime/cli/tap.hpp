#pragma once

#include "runtime/config_loader.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::cli {

struct tap_options {
  std::vector<std::string> types; ///< names of frames; empty: those about calls
  std::string service;
  bool shape = false;  ///< bodies without what they hold
  bool bodies = false; ///< bodies without secrets
  bool json = false;
  std::uint64_t rate = 200;
  std::uint64_t count = 0; ///< end after so many frames; 0: Ctrl-C
};

/// `troupe tap`: prints the headers of what passes the brokers of bus.join, which `in` names with
/// the keys. Code 2 for settings that do not go together, 1 when a broker refuses or none answers.
[[nodiscard]] int run_tap_command(const tap_options& options, const config& in);

} // namespace troupe::cli
