#pragma once

#include "actors/ports/crypto_ports.hpp"

#include <memory>
#include <string>

/// Password hashing, access tokens and digests over libsodium. Every factory is thread-safe.
namespace troupe {

/// Argon2id with 19 MiB and 2 passes on two threads of its own; limits::hash_queue jobs may wait,
/// more are `rate_limited` with retry_after_ms. Destroying it lets running hashes finish and drops
/// waiting ones (they answer `dropped`). Replies come on its threads.
[[nodiscard]] std::unique_ptr<password_hasher> make_password_hasher();

/// A fresh Ed25519 seed: 32 random bytes in base64url without padding.
[[nodiscard]] std::string make_eddsa_seed();

/// Signs and verifies EdDSA (Ed25519) tokens. The header's `kid` is derived from the public key, so
/// that a token of another key is refused before any arithmetic. Errors: `invalid_argument` when
/// the seed is not what make_eddsa_seed() gives.
[[nodiscard]] result<std::unique_ptr<token_signer>> make_token_signer_eddsa(
    const std::string& seed_base64url);

/// Signs and verifies HS256 tokens with a shared secret (JWT_SECRET), taken as raw bytes. Tokens of
/// other programs that share it are accepted when they carry sub, sid, iat and exp. Errors:
/// `invalid_argument` when the secret has fewer than 32 bytes (RFC 7518, 3.2).
[[nodiscard]] result<std::unique_ptr<token_signer>> make_token_signer_hs256(
    const std::string& secret_bytes);

[[nodiscard]] std::unique_ptr<digests> make_digests();

} // namespace troupe
