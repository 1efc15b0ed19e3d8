#pragma once

#include "adapters/redis/client.hpp"

namespace troupe::redis {

[[nodiscard]] std::unique_ptr<limit_store> make_limit_store(std::shared_ptr<client> from);
[[nodiscard]] std::unique_ptr<session_cache> make_session_cache(std::shared_ptr<client> from);

} // namespace troupe::redis
