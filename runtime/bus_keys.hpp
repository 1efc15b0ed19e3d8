#pragma once

#include "messages/base/result.hpp"
#include "runtime/config.hpp"

#include <string>
#include <vector>

namespace troupe {

/// What this node proves itself with on the bus, and by what it knows a broker.
struct bus_keys {
  secret own;                       ///< empty: links are not encrypted
  std::vector<std::string> brokers; ///< public keys; of a broker at least its own
};

/// Reads what bus.key and bus.broker_key name. Errors: `invalid_argument` with setting and file. A
/// key file that others may read is only warned of: mounted secrets often are.
[[nodiscard]] result<bus_keys> read_bus_keys(const config& in);

} // namespace troupe
