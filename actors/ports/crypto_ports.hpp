#pragma once

#include "messages/base/reply.hpp"
#include "messages/base/values.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Argon2id (RFC 9106), 19 MiB, 2 passes, on threads of the adapter's own. Errors: `rate_limited`
/// when limits::hash_queue jobs wait.
class password_hasher {
public:
  virtual ~password_hasher() = default;
  /// Answers the encoded hash (`$argon2id$…`).
  virtual void hash(secret password, reply<std::string> answer) = 0;
  /// With an empty `encoded` it does the same work and answers false, so that an unknown user
  /// takes as long as a wrong password.
  virtual void verify(secret password, std::string encoded, reply<bool> answer) = 0;
};

struct token_claims {
  std::string sub;      ///< user id
  std::string sid;      ///< session id
  std::int64_t iat = 0; ///< Unix seconds
  std::int64_t exp = 0; ///< Unix seconds
};

/// Compact JWS (RFC 7515) access tokens: EdDSA, or HS256 with a shared secret. Pure, thread-safe.
class token_signer {
public:
  virtual ~token_signer() = default;
  [[nodiscard]] virtual std::string sign(const token_claims& claims) const = 0;
  /// Checks form, algorithm, signature and the times with no leeway. Errors: `unauthenticated`.
  [[nodiscard]] virtual result<token_claims> verify(std::string_view token,
                                                    std::int64_t now) const = 0;
};

/// Random values and digests. Pure but for the randomness, thread-safe.
class digests {
public:
  virtual ~digests() = default;
  /// `bytes` random bytes in base64url without padding.
  [[nodiscard]] virtual std::string random_token(std::size_t bytes) const = 0;
  /// SHA-256, lower-case hex.
  [[nodiscard]] virtual std::string sha256_hex(std::string_view bytes) const = 0;
};

} // namespace troupe
