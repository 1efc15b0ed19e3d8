#include "adapters/redis/redis_stores.hpp"

#include "adapters/redis/stores.hpp"

namespace troupe {

result<redis_stores> make_redis_stores(redis_config config) {
  auto made = redis::client::make(config);
  if (!made) return std::unexpected(std::move(made.error()));
  return redis_stores{redis::make_limit_store(*made), redis::make_session_cache(*made)};
}

} // namespace troupe
