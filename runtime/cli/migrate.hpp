#pragma once

#include "runtime/config.hpp"

namespace troupe::cli {

/// `troupe migrate`: brings the databases of the node's roles to this program's schema and prints
/// what it did. Exit code 1 when one cannot be opened, is held by a running server, or is newer.
[[nodiscard]] int run_migrate(const config& in, bool as_json);

} // namespace troupe::cli
