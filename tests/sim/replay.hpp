#pragma once

#include "broker/flight_file.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace troupe::sim {

struct replayed {
  std::size_t inputs = 0;          ///< that the broker was fed
  std::size_t outputs = 0;         ///< frames that it sent then
  std::size_t same = 0;            ///< of them those that its outputs had as well
  std::vector<std::string> wrongs; ///< promises that were broken, at most 20
};

/// Feeds what a broker's flight recorder kept to a fresh broker, at the times that were kept, and
/// checks what comes out: no frame to somebody who never spoke, one worker at most is told START, a
/// call is not counted twice; and, when the recording has its beginning, the same frames as then.
/// What the recording does not keep is made up: bodies have their length, callers are told apart,
/// and nobody has a key.
[[nodiscard]] replayed replay(const wire::flight& of);

} // namespace troupe::sim
