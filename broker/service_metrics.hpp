#pragma once

#include "messages/topology.hpp"

#include <cstddef>
#include <vector>

namespace troupe::wire {

inline constexpr std::size_t service_series_max = 64;

/// Sets the gauges of a broker's services. Names come from peers: at most service_series_max of
/// them, of plain characters, have series of their own; the others are added up as `other`. Any
/// thread.
void publish_services(const std::vector<service_load>& loads);

} // namespace troupe::wire
