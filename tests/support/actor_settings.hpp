#pragma once

#include <caf/actor_system_config.hpp>

namespace troupe::test {

/// Actors on two threads that share one queue, as in the program.
struct actor_settings : caf::actor_system_config {
  actor_settings() {
    set("scheduler.policy", caf::atom_value{caf::atom("sharing")});
    set("scheduler.max-threads", std::size_t{2});
  }
};

} // namespace troupe::test
