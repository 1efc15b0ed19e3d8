#pragma once

#include "messages/topology.hpp"

#include <cstddef>
#include <string>

namespace troupe::cli {

struct top_view {
  topology now;
  const topology* before = nullptr; ///< the look before it; null: there are no rates yet
  double seconds = 0;               ///< between the two
  std::size_t nodes_max = 0;        ///< rows of nodes; 0: all
};

/// What `troupe top` shows: tables of brokers, nodes, services and drops, as plain lines. Pure.
[[nodiscard]] std::string top_text(const top_view& view);

} // namespace troupe::cli
