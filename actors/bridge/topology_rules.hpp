#pragma once

#include "messages/topology.hpp"

#include <vector>

/// One picture of what several brokers say. Pure.
namespace troupe::topology_rules {

/// Each process and each service once: what the brokers count is added up, of times the one that
/// matters is kept (the last sign of life, the longest wait). Reports of brokers that did not
/// answer have a `broker` only. Bounded as topology is.
[[nodiscard]] topology merged(std::vector<broker_report> reports, std::int64_t taken_at);

} // namespace troupe::topology_rules
