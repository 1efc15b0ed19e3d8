#pragma once

#include "actors/ports/topology_source.hpp"
#include "actors/support/message_types.hpp"

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// A service actor of this process.
struct own_service {
  std::string name;
  caf::actor actor;
  std::function<void(self_task)> post; ///< to its mailbox
};

struct own_node {
  std::string name;
  std::vector<std::string> roles;
  std::vector<own_service> services;
  /// Chats that run; any thread. Null: there are none.
  std::function<std::int64_t()> streams;
};

/// The topology of a process that needs no broker: itself. Every service is sent a message that
/// counts what the service has in hand and in its mailbox when it is taken; how long that took is
/// how long messages wait there. One that does not take it in time is stuck, and said so.
[[nodiscard]] std::unique_ptr<topology_source> make_own_topology(caf::actor_system& system,
                                                                 own_node node);

} // namespace troupe
