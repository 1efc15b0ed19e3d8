#pragma once

#include "broker/keys.hpp"

#include <string>

namespace troupe::wire {

/// Knocks at a bound address with a key that nobody may have. True when it is refused within the
/// time of a handshake; else `why` says what happened.
[[nodiscard]] bool is_refused(const key_pair& stranger, const std::string& address,
                              const std::string& server_key, std::string& why);

} // namespace troupe::wire
