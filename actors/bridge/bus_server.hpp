#pragma once

#include "actors/protocols.hpp"
#include "broker/bus.hpp"

#include <atomic>
#include <functional>
#include <memory>

namespace troupe {

/// The services of this node that others reach over the bus; null handles are not served.
struct served_services {
  router_service::actor router;
  auth_service::actor auth;
  key_service::actor keys;
  account_service::actor accounts;
  limit_service::actor limits;
  prompt_service::actor prompt;
  retrieval_service::actor retrieval;
  log_service::actor log;
};

/// Takes requests from the bus to the near services, and their answers and deltas back.
struct bus_server {
  caf::actor actor;                                   ///< to end it
  std::function<void(bus_work)> work;                 ///< feed it the bus's work
  std::shared_ptr<std::atomic<std::int64_t>> running; ///< requests in hand, for a drain to wait on
  /// Cancels what is in hand; its requesters get `why` where the work had no other end. Any thread.
  std::function<void(error why)> end_running;
};

[[nodiscard]] bus_server spawn_bus_server(caf::actor_system& system, std::shared_ptr<bus> link,
                                          served_services services);

} // namespace troupe
