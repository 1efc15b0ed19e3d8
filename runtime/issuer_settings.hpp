#pragma once

#include "adapters/crypto/foreign_issuer.hpp"
#include "runtime/config_loader.hpp"

#include <string>

/// The settings `issuers.*`: what follows from them, and which go together. Pure.
namespace troupe {

/// The settings for make_foreign_verifier().
[[nodiscard]] foreign_issuer_config verifier_settings(const settings::token_issuer& in);

/// Where the key set is; empty: discovery tells (OpenID Connect Discovery 1.0, 4).
[[nodiscard]] std::string keys_url(const settings::token_issuer& in);

/// Whether tokens are taken that are signed with a key of the key set.
[[nodiscard]] bool has_public_keys(const settings::token_issuer& in);

/// Errors: `invalid_argument`, naming the key and where it was set.
[[nodiscard]] result<void> check_issuers(const loaded_config& loaded);

} // namespace troupe
