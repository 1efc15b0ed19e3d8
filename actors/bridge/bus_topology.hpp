#pragma once

#include "actors/ports/topology_source.hpp"
#include "broker/bus.hpp"

#include <memory>

namespace troupe {

/// Asks every broker that this node knows of, and makes one picture of what they say.
[[nodiscard]] std::unique_ptr<topology_source> make_bus_topology(std::shared_ptr<bus> link);

} // namespace troupe
