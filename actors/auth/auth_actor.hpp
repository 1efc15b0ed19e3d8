#pragma once

#include "actors/auth/auth_deps.hpp"
#include "actors/protocols.hpp"

#include <functional>
#include <memory>
#include <string>

namespace troupe {

/// Sign-up, sign-in, sessions, one's own account, and the question "who holds this credential?".
[[nodiscard]] auth_service::actor spawn_auth(caf::actor_system& system, auth_deps deps);

/// API keys of people and of machines.
[[nodiscard]] key_service::actor spawn_keys(caf::actor_system& system, auth_deps deps);

/// What admins do with users and caps, and organisations. `others` own what goes with a user.
[[nodiscard]] account_service::actor spawn_accounts(caf::actor_system& system, auth_deps deps,
                                                    service_handles others);

/// Gives the installation an admin with an API key when it has none (no admin, or one without any
/// key: a start that was cut short). `save` writes the key where the operator finds it and comes
/// before the key counts, so that a crash in between only makes the next start write another.
/// Answers whether a key was made. `save` runs on a thread of the stores.
void ensure_admin(auth_deps deps, std::function<result<void>(const std::string& key)> save,
                  reply<bool> made);

} // namespace troupe
