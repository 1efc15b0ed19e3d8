#pragma once

#include "actors/ports/foreign_tokens.hpp"
#include "adapters/crypto/jws_alg.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Tokens of other issuers: OpenID Connect providers, Cognito, Supabase and their like.
namespace troupe {

struct foreign_issuer_config {
  std::string issuer; ///< what `iss` must be, byte for byte; not empty
  /// One of them must be in `aud`; empty: any audience, for issuers that serve this program alone.
  std::vector<std::string> audiences{};
  /// Cognito: what `token_use` may be, of "id" and "access". Cognito's access tokens have no `aud`:
  /// their `client_id` must be one of the audiences. Empty: `token_use` is not looked at.
  std::vector<std::string> token_uses{};
  /// Empty: all but HS256 when there is no hs256_secret.
  std::vector<jws_alg> algorithms{};
  /// The issuer's key set; empty when it is not known yet: then every key is unknown.
  std::string jwks{};
  /// Empty, or the secret that the issuer signs HS256 tokens with: 32 raw bytes or more. It checks
  /// nothing but HS256, and no key of the set does.
  secret hs256_secret{};
  /// How far the issuer's clock may be off, for `exp`, `nbf` and `iat`; 0 to
  /// limits::token_leeway_max.
  std::chrono::seconds leeway{30};
};

/// Errors: `invalid_argument`; `param` names the field above.
[[nodiscard]] result<std::shared_ptr<const foreign_verifier>> make_foreign_verifier(
    foreign_issuer_config config);

/// As claimed_issuer_function says.
[[nodiscard]] std::string claimed_issuer(std::string_view token);

} // namespace troupe
