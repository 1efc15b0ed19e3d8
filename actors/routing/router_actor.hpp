#pragma once

#include "actors/protocols.hpp"

namespace troupe {

/// Who is this, may they, where does it go: authenticates by asking auth (answers are kept for
/// limits::auth_cache_ttl), checks the request (messages/validate.hpp), puts the caller in and
/// delegates to the service, which answers the requester itself.
[[nodiscard]] router_service::actor spawn_router(caf::actor_system& system,
                                                 service_handles services);

} // namespace troupe
