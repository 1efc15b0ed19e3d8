#pragma once

#include "actors/ports/lease_store.hpp"
#include "adapters/sql/engine.hpp"

/// Inside adapters/sql only (it shows SOCI).
namespace troupe::sql {

/// For stores whose writes only a shard's owner may do, in the transaction of the write and before
/// anything is written: refuses who is not the owner any more (lease_fence,
/// lease_rules::not_owner), and keeps the lease from changing hands until the transaction ends. So
/// what passes is done before the next owner can take the shard and read.
///
/// The leases must lie in the same database (open_lease_store with the same sql_config). Throws
/// what SOCI throws, also when there are no leases in it.
[[nodiscard]] result<void> check_fence(soci::session& session, const engine& on,
                                       const lease_fence& fence);

} // namespace troupe::sql
