#pragma once

#include "tests/sim/world.hpp"

#include <vector>

namespace troupe::sim {

/// State machines with one mistake each. A checker that lets one of them pass would let ours pass
/// as well.
[[nodiscard]] std::vector<mutation> mutants();

} // namespace troupe::sim
