#pragma once

#include "actors/bridge/bus_server.hpp"

#include <cstdint>
#include <vector>

namespace troupe {

/// What a node with these services offers on the bus: each with its methods and their delivery
/// classes, from the list of methods. `capacity`: of each, requests at once.
[[nodiscard]] std::vector<bus_service> offered_services(const served_services& served,
                                                        std::uint32_t capacity);

} // namespace troupe
