#pragma once

#include "actors/ports/api_key_store.hpp"
#include "actors/ports/identity_records.hpp"
#include "actors/ports/organization_store.hpp"
#include "actors/ports/session_store.hpp"
#include "actors/ports/user_store.hpp"

#include <memory>

namespace troupe {

/// The stores of the accounts: one database, so that deleting a user takes everything along.
struct account_stores {
  std::shared_ptr<user_store> users;
  std::shared_ptr<identity_store> identities;
  std::shared_ptr<session_store> sessions;
  std::shared_ptr<api_key_store> keys;
  std::shared_ptr<organization_store> organizations;
  std::shared_ptr<one_time_store> one_time;
  std::shared_ptr<caps_store> caps;
  std::shared_ptr<secret_store> secrets;
};

} // namespace troupe
