#pragma once

#include "actors/protocols.hpp"
#include "broker/bus.hpp"

#include <functional>
#include <memory>

namespace troupe {

/// Where a client bridge's requests go.
enum class bus_target : std::uint8_t {
  router,  ///< to any router, which authenticates and delegates
  service, ///< to the service that the method belongs to
};

/// The near end of far services: packs every request, sends it over the bus and answers when the
/// answer comes. A request of another node (its call id is not ours) is delegated: its answers go
/// straight to that node, and the promise here is answered `errc::delegated`.
struct bus_client {
  any_service::actor actor; ///< cast it to the handle that is wanted
  std::function<void(const bus_answer&)>
      answers; ///< feed it the bus's answers; unknown calls are ignored
};

[[nodiscard]] bus_client spawn_bus_client(caf::actor_system& system, std::shared_ptr<bus> link,
                                          bus_target target);

} // namespace troupe
