#pragma once

#include <cstdint>

namespace troupe {

/// What one transaction of a purge did. Ask for the next step until there is nothing more; a purge
/// that is broken off between two steps is finished by asking again.
struct purge_step {
  std::uint64_t deleted = 0; ///< objects, as the method says
  bool more = false;         ///< there may be more to delete
};

} // namespace troupe
