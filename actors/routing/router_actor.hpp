#pragma once

#include "actors/ports/topology_source.hpp"
#include "actors/protocols.hpp"

#include <memory>

namespace troupe {

/// Who is this, may they, where does it go: authenticates by asking auth (answers are kept for
/// limits::auth_cache_ttl), checks the request (messages/validate.hpp), puts the caller in and
/// delegates to the service, which answers the requester itself. The topology it answers from
/// `looks`; without it that is `unavailable`.
[[nodiscard]] router_service::actor spawn_router(caf::actor_system& system,
                                                 service_handles services,
                                                 std::shared_ptr<topology_source> looks = nullptr);

} // namespace troupe
