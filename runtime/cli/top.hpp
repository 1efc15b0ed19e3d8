#pragma once

#include "runtime/cli/access.hpp"

namespace troupe::cli {

struct top_options {
  access_options access;
  double interval = 2; ///< seconds between two looks, 0.2 to 3600
  bool once = false;
  bool json = false; ///< a line of JSON a look
};

/// `troupe top`: shows how the whole stands, again and again. On a terminal each look takes the
/// place of the one before. Ends at the first look that fails, with code 1; a later one is said,
/// and tried again.
[[nodiscard]] int run_top(const top_options& options, const environment& variables);

} // namespace troupe::cli
