#include "runtime/shared_stores.hpp"

#include "actors/ports/boot_clock.hpp"
#include "adapters/memory/memory_stores.hpp"
#include "adapters/redis/redis_stores.hpp"
#include "adapters/sql/sql_stores.hpp"
#include "runtime/accounts_database.hpp"

namespace troupe {
namespace {

std::chrono::milliseconds boot_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(boot_now().time_since_epoch());
}

/// What a shard's lease brings and takes.
shard_hooks hooks_of(const std::shared_ptr<limit_shards>& counters) {
  shard_hooks out; // weak: the counters know the host
  const std::weak_ptr<limit_shards> weak = counters;
  out.opened = [weak](shard_number shard, std::uint64_t epoch, const std::string& state,
                      std::chrono::milliseconds saved_ago) {
    if (const auto to = weak.lock()) to->open(shard, epoch, state, saved_ago);
  };
  out.closed = [weak](shard_number shard, std::uint64_t epoch) {
    if (const auto to = weak.lock()) to->close(shard, epoch);
  };
  out.save = [weak](shard_number shard) {
    const auto to = weak.lock();
    return to ? to->save(shard) : std::nullopt;
  };
  out.saved = [weak](shard_number shard) {
    if (const auto to = weak.lock()) to->saved(shard);
  };
  return out;
}

result<void> count_among_nodes(const config& in, shared_stores& out) {
  auto leases = open_lease_store(accounts_database(in));
  if (!leases) return std::unexpected(std::move(leases.error()));
  out.limit_owner = std::make_shared<limit_shards>(own_incarnation(), boot_ms);
  lease_host_config settings;
  out.leases = std::move(*leases);
  settings.store = out.leases.get();
  settings.service = "limits";
  settings.node = own_incarnation();
  settings.hooks = hooks_of(out.limit_owner);
  out.limit_leases = std::make_shared<lease_host>(std::move(settings));
  out.limits = out.limit_owner;
  return {};
}

result<void> open_limits(const config& in, shared_stores& out) {
  switch (limit_keeper_of(in)) {
    case limit_keeper::redis: // opened with the sessions
      return {};
    case limit_keeper::nodes:
      return count_among_nodes(in, out);
    case limit_keeper::memory:
      out.limits = make_memory_limit_store();
      return {};
    case limit_keeper::sql:
      break;
  }
  auto opened = open_limit_store(accounts_database(in));
  if (!opened) return std::unexpected(std::move(opened.error()));
  out.limits = std::move(*opened);
  return {};
}

} // namespace

result<shared_stores> open_shared_stores(const config& in, boost::asio::io_context& loop) {
  shared_stores out;
  if (auto ok = open_limits(in, out); !ok) return std::unexpected(std::move(ok.error()));
  if (in.redis.url.value.empty()) return out;
  redis_config settings;
  settings.url = in.redis.url;
  settings.loop = &loop;
  auto made = make_redis_stores(std::move(settings));
  if (!made) return std::unexpected(std::move(made.error()));
  if (!out.limits) out.limits = std::move(made->limits);
  out.sessions = std::move(made->sessions);
  return out;
}

} // namespace troupe
