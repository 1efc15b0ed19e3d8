#pragma once

#include "actors/auth/audit.hpp"
#include "actors/auth/cap_rules.hpp"
#include "actors/auth/issuer_rules.hpp"
#include "actors/auth/mail_templates.hpp"
#include "actors/auth/sign_in_rules.hpp"
#include "actors/ports/account_stores.hpp"
#include "actors/ports/crypto_ports.hpp"
#include "actors/ports/limit_store.hpp"
#include "actors/ports/mailer.hpp"
#include "actors/ports/session_cache.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace troupe {

/// What the services of the role auth work with.
struct auth_deps {
  account_stores in;
  std::shared_ptr<password_hasher> hasher;
  std::shared_ptr<const token_signer> signer;
  /// Signs with the newest of these keys. Null: one secret of the configuration signs for ever.
  std::function<result<std::shared_ptr<const token_signer>>(const std::vector<signing_key_row>&)>
      make_signer;
  std::function<signing_key_row()> new_signing_key; ///< there with make_signer
  std::shared_ptr<const digests> digest;
  std::shared_ptr<limit_store> limits;
  std::shared_ptr<session_cache> cache; ///< may be null
  cap_rules::attempt_limits attempts;
  usage_caps user_caps;          ///< of users without any of their own; its subject is empty
  bool limits_addresses = false; ///< whether every request counts against its address
  audit_sink audit = [](const audit_event&, const op_context&) {};
  bool signup_open = true;
  std::shared_ptr<mailer> mail;                ///< null: no mails are sent
  std::shared_ptr<const mail_templates> texts; ///< there with mail
  sign_in_policy sign_in;
  std::vector<foreign_issuer> issuers;    ///< whose tokens are taken beside ours
  claimed_issuer_function claimed_issuer; ///< there with issuers
  std::shared_ptr<http_fetch> fetch;      ///< there with issuers
};

} // namespace troupe
