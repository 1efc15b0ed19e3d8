#pragma once

#include "actors/support/message_types.hpp"

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace troupe {

/// Whether the actors of this node are being run. Each second it sends each of them a message that
/// only says that it was taken; so one that hangs is seen, and one that is merely busy is not. It
/// is an actor itself, so that a scheduler that runs nothing is seen as well.
class pulse {
public:
  using post = std::function<void(self_task)>; ///< to the actor's mailbox

  pulse(caf::actor_system& system, std::vector<post> watched,
        std::chrono::milliseconds every = std::chrono::seconds(1));
  ~pulse();
  pulse(const pulse&) = delete;
  pulse& operator=(const pulse&) = delete;

  /// For how long the slowest has not taken its message; 0 while all do. A function that any thread
  /// may call, also when the pulse is gone.
  [[nodiscard]] std::function<std::chrono::milliseconds()> stuck() const;

private:
  struct watch;
  std::shared_ptr<watch> watch_;
  caf::actor actor_;
};

} // namespace troupe
