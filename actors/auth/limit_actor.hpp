#pragma once

#include "actors/auth/limit_shards.hpp"
#include "actors/entity/lease_host.hpp"
#include "actors/protocols.hpp"

#include <cstdint>
#include <memory>

namespace troupe {

struct limit_deps {
  std::shared_ptr<limit_store> store;
  std::int64_t address_requests_per_minute = 0; ///< of callers with a credential; 0: no limit
  // Where nodes count among themselves; null otherwise.
  std::shared_ptr<limit_shards> shards{}; ///< the store, as an owner
  std::shared_ptr<lease_host> leases{};
  limit_service::actor peers{}; ///< leads to the node that op_context::to names
};

/// Keeps what callers may use at most: as exactly as its store, on as many nodes as share that.
/// A store that is down refuses with `unavailable`.
[[nodiscard]] limit_service::actor spawn_limits(caf::actor_system& system, limit_deps deps);

} // namespace troupe
