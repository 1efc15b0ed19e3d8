#pragma once

#include "messages/base/shards.hpp"

#include <cstdint>

namespace troupe {

/// Which node has which shard of a service, as this node knows. Thread-safe.
class shard_owners {
public:
  virtual ~shard_owners() = default;
  /// The epoch under which this node has it now; 0: it has not. Ends at once when the node was
  /// frozen for longer than its lease.
  [[nodiscard]] virtual std::uint64_t epoch_of(shard_number shard) const = 0;
  /// The incarnation of the node that should have it, perhaps this one's; 0: nobody is known.
  [[nodiscard]] virtual std::uint64_t owner_of(shard_number shard) const = 0;
};

} // namespace troupe
