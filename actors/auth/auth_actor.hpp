#pragma once

#include "actors/ports/crypto_ports.hpp"
#include "actors/ports/user_store.hpp"
#include "actors/protocols.hpp"

#include <functional>
#include <memory>

namespace troupe {

struct auth_deps {
  std::shared_ptr<user_store> users;
  std::shared_ptr<api_key_store> keys;
  std::shared_ptr<password_hasher> hasher;
  std::shared_ptr<const token_signer> signer;
  std::shared_ptr<const digests> digest;
  bool signup_open = true;
};

/// Accounts, sessions, API keys, and the question "who holds this credential?".
[[nodiscard]] auth_service::actor spawn_auth(caf::actor_system& system, auth_deps deps);

/// Gives the installation an admin with an API key when it has none (no admin, or one without any
/// key: a start that was cut short). `save` writes the key where the operator finds it and comes
/// before the key counts, so that a crash in between only makes the next start write another.
/// Answers whether a key was made. `save` runs on a thread of the stores.
void ensure_admin(auth_deps deps, std::function<result<void>(const std::string& key)> save,
                  reply<bool> made);

} // namespace troupe
