#pragma once

#include "adapters/crypto/jws_key.hpp"
#include "messages/base/result.hpp"

/// HS256 and EdDSA keys over libsodium.
namespace troupe::crypto {

/// The secret is raw bytes. Errors: `invalid_argument` under 32 bytes (RFC 7518, 3.2).
[[nodiscard]] result<std::unique_ptr<sign_key>> make_hs256_key(std::string_view secret);

/// Errors: `invalid_argument` when it is not what make_ed25519_seed() gives.
[[nodiscard]] result<std::unique_ptr<sign_key>> make_ed25519_key(std::string_view seed_base64url);

/// 32 random bytes in base64url.
[[nodiscard]] std::string make_ed25519_seed();

/// From the raw public key; null when it has not 32 bytes.
[[nodiscard]] std::unique_ptr<verify_key> make_ed25519_verify_key(std::string_view public_bytes);

} // namespace troupe::crypto
