#pragma once

#include "actors/protocols.hpp"

#include <functional>
#include <string>

namespace troupe {

/// How often and how fast a crashed service is started again.
struct restart_policy {
  std::chrono::milliseconds first_delay{100};
  std::chrono::milliseconds longest_delay{10000};
  std::chrono::seconds forget_after{60};  ///< a run this long makes the next delay the first again
};

/// The delay before restart number `crashes` (from 1) in a row. Pure.
[[nodiscard]] std::chrono::milliseconds restart_delay(const restart_policy& policy,
                                                      unsigned crashes) noexcept;

/// A service that outlives its crashes: the handle stays, what it stands for is spawned by `factory`
/// and again, with back-off, whenever it ends by itself. The requests that it held are answered
/// with errors (actors/support/service.hpp); new ones meanwhile get `unavailable`.
template <class Protocol>
[[nodiscard]] typename Protocol::actor spawn_supervised(
    caf::actor_system& system, std::string name,
    std::function<typename Protocol::actor(caf::actor_system&)> factory, restart_policy policy = {});

extern template auth_service::actor spawn_supervised<auth_service>(
    caf::actor_system&, std::string, std::function<auth_service::actor(caf::actor_system&)>, restart_policy);
extern template prompt_service::actor spawn_supervised<prompt_service>(
    caf::actor_system&, std::string, std::function<prompt_service::actor(caf::actor_system&)>, restart_policy);
extern template retrieval_service::actor spawn_supervised<retrieval_service>(
    caf::actor_system&, std::string, std::function<retrieval_service::actor(caf::actor_system&)>, restart_policy);
extern template log_service::actor spawn_supervised<log_service>(
    caf::actor_system&, std::string, std::function<log_service::actor(caf::actor_system&)>, restart_policy);
extern template router_service::actor spawn_supervised<router_service>(
    caf::actor_system&, std::string, std::function<router_service::actor(caf::actor_system&)>, restart_policy);

}  // namespace troupe
