#pragma once

#include "broker/broker_state.hpp"
#include "messages/topology.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What a broker shows of itself: to whoever asks with STATS, and at /metrics. Pure.
namespace troupe::wire {

inline constexpr std::string_view stats_name = "stats"; ///< in may_call: who may ask for a view

/// What was dropped, by the reasons of troupe_broker_dropped_total; those of which there is none
/// are there too.
[[nodiscard]] std::vector<reason_count> drops_of(const broker_counts& counts);

/// What a peer said of itself, for people and for JSON: printable ASCII, at most `bytes_max`.
[[nodiscard]] std::string shown(std::string_view said, std::size_t bytes_max = 64);

} // namespace troupe::wire
