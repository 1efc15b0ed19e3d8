#include "adapters/sql/lease_fence.hpp"

#include "actors/ports/lease_rules.hpp"

#include <soci/soci.h>

namespace troupe::sql {

result<void> check_fence(soci::session& session, const engine& on, const lease_fence& fence) {
  const int shard = fence.shard;
  long long epoch = 0;
  int released = 0;
  session << "select epoch, released from leases where service = :s and shard = :n" +
                 std::string(on.for_share()),
      soci::use(fence.service), soci::use(shard), soci::into(epoch), soci::into(released);
  lease_rules::lease_row row;
  if (session.got_data()) {
    row.epoch = static_cast<std::uint64_t>(epoch);
    row.released = released != 0;
  }
  if (!lease_rules::holds(row, fence)) return std::unexpected(lease_rules::not_owner());
  return {};
}

} // namespace troupe::sql
