#pragma once

#include "actors/ports/crypto_ports.hpp"
#include "adapters/crypto/jws_alg.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Password hashing, access tokens and digests. Every function is thread-safe.
namespace troupe {

/// Argon2id with 19 MiB and 2 passes on threads that give way to all others, one less than the
/// cores but one or two; limits::hash_queue jobs may wait, more are `rate_limited` with
/// retry_after_ms. Destroying it waits for the hashes that run and drops what was not answered yet
/// (`dropped`). Replies come on a thread of its own.
[[nodiscard]] std::unique_ptr<password_hasher> make_password_hasher();

/// What made an encoded password hash that verify() reads: `argon2`, `bcrypt`, `pbkdf2` or
/// `scrypt`; empty when the text is of no known format, is damaged, or costs more to verify than
/// limits:: allows. Pure.
[[nodiscard]] std::string_view hash_format(std::string_view encoded);

/// A fresh key as text to store: for EdDSA 32 random bytes (the seed) and for HS256 as many, both
/// in base64url; for the others a private key in PEM, RSA with 2,048 bits.
[[nodiscard]] std::string make_signing_key(jws_alg alg);

struct signing_key {
  secret text; ///< of make_signing_key(); HS256 takes any text of 32 bytes or more, as raw bytes
  std::int64_t retire_at = 0; ///< Unix seconds from which its tokens are refused; 0: never
};

struct token_signer_config {
  jws_alg alg = jws_alg::eddsa;
  /// 1 to limits::signing_keys. The first signs and has no retire_at; all verify until they retire.
  std::vector<signing_key> keys;
};

/// Tokens of another algorithm are refused, whatever their header says. A token names its key
/// (`kid`: the RFC 7638 thumbprint, for EdDSA 12 bytes of the key's SHA-256), so that only that key
/// is tried; with HS256 each is, so that other programs that share a secret need no `kid`: their
/// tokens are accepted when they carry sub, sid or session_id, iat and exp. Errors:
/// `invalid_argument` when a key is none for the algorithm, or the list is not as said above.
[[nodiscard]] result<std::unique_ptr<token_signer>> make_token_signer(token_signer_config config);

[[nodiscard]] std::unique_ptr<digests> make_digests();

} // namespace troupe
