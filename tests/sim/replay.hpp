#pragma once

#include "broker/flight_file.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace troupe::sim {

struct replayed {
  std::size_t inputs = 0;    ///< that the broker was fed
  std::size_t outputs = 0;   ///< frames that it sent then
  std::size_t same = 0;      ///< of them those that its outputs had as well
  std::size_t different = 0; ///< and those that they had not
  /// And those that cannot be compared: of calls that began before the recording, and beats.
  std::size_t incomparable = 0, beats = 0;
  std::vector<std::string> wrongs; ///< promises that were broken, and differences; at most 20

  /// Whether at least half of what is not a beat was compared.
  [[nodiscard]] bool is_enough() const noexcept {
    return same + different > 0 && same + different >= incomparable;
  }
};

/// Feeds what a broker's flight recorder kept to a fresh broker, at the times that were kept, and
/// checks what comes out: no frame to somebody who never spoke, one worker at most is told START, a
/// call is not counted twice; and the same frames as then. A recording that has lost its beginning
/// begins with what it still knows of the peers, and with the calls whose later frames it has: made
/// up, these are not compared, and neither are the broker's beats.
/// What the recording does not keep is made up: bodies have their length, callers are told apart,
/// and nobody has a key.
[[nodiscard]] replayed replay(const wire::flight& of);

} // namespace troupe::sim
