#include "runtime/shared_stores.hpp"

#include "adapters/memory/memory_stores.hpp"
#include "adapters/redis/redis_stores.hpp"

namespace troupe {

result<shared_stores> open_shared_stores(const config& in, boost::asio::io_context& loop) {
  if (in.redis.url.value.empty()) return shared_stores{make_memory_limit_store(), nullptr};
  redis_config settings;
  settings.url = in.redis.url;
  settings.loop = &loop;
  auto made = make_redis_stores(std::move(settings));
  if (!made) return std::unexpected(std::move(made.error()));
  return shared_stores{std::move(made->limits), std::move(made->sessions)};
}

} // namespace troupe
