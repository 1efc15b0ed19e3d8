#pragma once

#include <string>

namespace troupe::cli {

struct flight_options {
  std::string file;
  bool json = false; ///< a line of JSON an event
};

/// `troupe flight`: prints what a broker's flight recorder kept. Code 1 when the file cannot be
/// read.
[[nodiscard]] int run_flight(const flight_options& options);

} // namespace troupe::cli
