#pragma once

#include "actors/auth/limit_shards.hpp"
#include "actors/entity/lease_host.hpp"
#include "actors/ports/session_cache.hpp"
#include "messages/base/result.hpp"
#include "runtime/config.hpp"

#include <memory>

namespace boost::asio {
class io_context;
}

namespace troupe {

/// What all auth processes of an installation share beside the accounts.
struct shared_stores {
  std::shared_ptr<limit_store> limits;
  // Where the nodes count among themselves; null otherwise.
  std::shared_ptr<limit_shards> limit_owner; ///< `limits`, as an owner of shards
  std::unique_ptr<lease_store> leases;
  std::shared_ptr<lease_host> limit_leases; ///< on `leases`
  std::shared_ptr<session_cache> sessions;  ///< null: the accounts are asked each time
};

/// Limits are where limit_keeper_of() says: on Redis; beside the accounts on their database server;
/// in the memory of the auth processes, which have leases on that server; or in this process, which
/// the lock on the embedded accounts makes the only one. Sessions are on Redis or nowhere. Redis
/// works on `loop` and need not be there yet. Errors: `invalid_argument` when its URL cannot be
/// used, those of open_limit_store and open_lease_store.
[[nodiscard]] result<shared_stores> open_shared_stores(const config& in,
                                                       boost::asio::io_context& loop);

} // namespace troupe
