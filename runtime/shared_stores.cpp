#include "runtime/shared_stores.hpp"

#include "adapters/memory/memory_stores.hpp"
#include "adapters/redis/redis_stores.hpp"
#include "adapters/sql/sql_stores.hpp"
#include "runtime/accounts_database.hpp"

namespace troupe {
namespace {

result<shared_stores> without_redis(const config& in) {
  if (!has_sql_server(in)) return shared_stores{make_memory_limit_store(), nullptr};
  auto limits = open_limit_store(accounts_database(in));
  if (!limits) return std::unexpected(std::move(limits.error()));
  return shared_stores{std::move(*limits), nullptr};
}

} // namespace

result<shared_stores> open_shared_stores(const config& in, boost::asio::io_context& loop) {
  if (in.redis.url.value.empty()) return without_redis(in);
  redis_config settings;
  settings.url = in.redis.url;
  settings.loop = &loop;
  auto made = make_redis_stores(std::move(settings));
  if (!made) return std::unexpected(std::move(made.error()));
  return shared_stores{std::move(made->limits), std::move(made->sessions)};
}

} // namespace troupe
