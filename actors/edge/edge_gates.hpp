#pragma once

#include "actors/ports/gates.hpp"
#include "actors/protocols.hpp"

#include <memory>

namespace troupe {

/// The gates of an edge node. Each call becomes a typed message to the router, near or far, with a
/// call id of its own; the gate actor answers at the latest at the deadline, and tells the router
/// to stop when it passed or the client went away. Thread-safe; keep it alive until the HTTP edge
/// has stopped.
class edge_gates {
public:
  virtual ~edge_gates() = default;
  virtual account_gate& accounts() = 0;
  virtual chat_gate& chats() = 0;
  virtual document_gate& documents() = 0;
  virtual log_gate& logs() = 0;
  virtual cluster_gate& cluster() = 0;
  virtual health_gate& health() = 0;
};

struct edge_rules {
  /// Whether this edge lets anyone register. Auth, which may be another process, has its own say.
  bool signup_open = true;
};

[[nodiscard]] std::unique_ptr<edge_gates> make_edge_gates(caf::actor_system& system,
                                                          router_service::actor router,
                                                          edge_rules rules = {});

} // namespace troupe
