#pragma once

#include "actors/auth/audit.hpp"
#include "actors/ports/account_stores.hpp"
#include "actors/ports/crypto_ports.hpp"

#include <memory>

namespace troupe {

/// What the services of the role auth work with.
struct auth_deps {
  account_stores in;
  std::shared_ptr<password_hasher> hasher;
  std::shared_ptr<const token_signer> signer;
  std::shared_ptr<const digests> digest;
  audit_sink audit = [](const audit_event&, const op_context&) {};
  bool signup_open = true;
};

} // namespace troupe
