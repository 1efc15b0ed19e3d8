#pragma once

#include "messages/base/reply.hpp"
#include "messages/base/values.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// What a password is against a stored hash.
struct password_verdict {
  bool right = false;
  /// Right, but the stored hash is of another system or of other parameters than hash() gives: the
  /// caller may store hash() of the same password instead.
  bool outdated = false;
  bool operator==(const password_verdict&) const = default;
};

/// Argon2id (RFC 9106), 19 MiB, 2 passes, on threads of the adapter's own; the hashes of other
/// systems are verified, never made. Errors: `rate_limited` when limits::hash_queue jobs wait,
/// `unavailable` when there is no memory for one.
class password_hasher {
public:
  virtual ~password_hasher() = default;
  /// Answers the encoded hash (`$argon2id$…`).
  virtual void hash(secret password, reply<std::string> answer) = 0;
  /// With an `encoded` that is empty or that knows() denies it does the work of one hash() and
  /// answers no, so that an unknown user takes as long as a wrong password.
  virtual void verify(secret password, std::string encoded, reply<password_verdict> answer) = 0;
  /// Whether verify() can say yes to this text: a known format within the bounds of its cost. For
  /// imports. Pure, thread-safe.
  [[nodiscard]] virtual bool knows(std::string_view encoded) const = 0;
};

struct token_claims {
  std::string sub;      ///< user id
  std::string sid;      ///< session id; written as `sid` and as `session_id`
  std::int64_t iat = 0; ///< Unix seconds
  std::int64_t exp = 0; ///< Unix seconds
  std::string iss{};    ///< issuer; empty: none
  std::string aud{};    ///< audience; empty: none. Of several in a token it is the first.
  /// To sign only, verify() leaves it empty: a JSON object of at most limits::token_extra_bytes
  /// whose members join the payload, but for those named as a claim above or `nbf`. Any other text
  /// is left out.
  json_text extra{};
};

/// Compact JWS (RFC 7515) access tokens, signed by the first of some keys of one algorithm and
/// accepted from each until it retires. Pure, thread-safe.
class token_signer {
public:
  virtual ~token_signer() = default;
  [[nodiscard]] virtual std::string sign(const token_claims& claims) const = 0;
  /// Checks form, algorithm, signature and the times with no leeway; `iss` and `aud` are the
  /// caller's to compare. Errors: `unauthenticated`.
  [[nodiscard]] virtual result<token_claims> verify(std::string_view token,
                                                    std::int64_t now) const = 0;
  /// The public keys that verify at `now` (Unix seconds) as a JSON Web Key Set (RFC 7517), for
  /// other programs that check our tokens. No keys when the algorithm is symmetric.
  [[nodiscard]] virtual json_text jwks(std::int64_t now) const = 0;
};

/// Random values and digests. Pure but for the randomness, thread-safe.
class digests {
public:
  virtual ~digests() = default;
  /// `bytes` random bytes in base64url without padding.
  [[nodiscard]] virtual std::string random_token(std::size_t bytes) const = 0;
  /// SHA-256, lower-case hex.
  [[nodiscard]] virtual std::string sha256_hex(std::string_view bytes) const = 0;
  /// SHA-256 in base64url without padding.
  [[nodiscard]] virtual std::string sha256_base64url(std::string_view bytes) const = 0;
};

} // namespace troupe
