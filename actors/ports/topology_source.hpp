#pragma once

#include "messages/base/reply.hpp"
#include "messages/topology.hpp"

#include <chrono>

namespace troupe {

/// How long what does not answer is waited for.
inline constexpr std::chrono::milliseconds topology_patience{1000};

/// Looks at the whole as it stands. Thread-safe.
class topology_source {
public:
  virtual ~topology_source() = default;
  /// Answers within topology_patience and a little, on any thread. What did not answer is in the
  /// answer as well, and said so.
  virtual void look(reply<topology> answer) = 0;
};

} // namespace troupe
