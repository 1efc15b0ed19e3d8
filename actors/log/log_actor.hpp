#pragma once

#include "actors/ports/log_store.hpp"
#include "actors/protocols.hpp"

#include <memory>

namespace troupe {

struct log_deps {
  std::shared_ptr<log_store> store;
};

/// Central logs: append (acknowledged only when on disk), patch, list. Records belong to their
/// user.
[[nodiscard]] log_service::actor spawn_log(caf::actor_system& system, log_deps deps);

} // namespace troupe
