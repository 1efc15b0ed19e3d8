#pragma once

#include "messages/base/result.hpp"
#include "messages/base/values.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace troupe {

/// What a token of another issuer says about its holder.
struct foreign_claims {
  std::string sub; ///< the issuer's name of the user, 1 to 255 bytes
  std::string iss;
  std::string email; ///< empty when the token has none
  /// `email_verified` is true. Without it an e-mail address proves nothing about its holder.
  bool email_verified = false;
  std::string name;             ///< empty when the token has none
  std::int64_t exp = 0;         ///< Unix seconds
  json_text payload;            ///< all claims, a JSON object as the issuer wrote it
  bool is_access_token = false; ///< its header says so (RFC 9068); others may be one as well
};

/// The `reason` of a refusal that a newer key set of the issuer may cure.
inline constexpr std::string_view unknown_key_reason = "unknown_key";

/// Checks the tokens of one other issuer (RFC 7519, RFC 8725) with what is known of it; asks nobody
/// and fetches nothing. Immutable, thread-safe.
class foreign_verifier {
public:
  virtual ~foreign_verifier() = default;
  /// `now` in Unix seconds. The claims are judged before the key is looked for, so that only a
  /// token that claims this issuer and is in its time can be refused with unknown_key_reason.
  /// Anybody can make such a token: whoever fetches the key set for one limits how often. Errors:
  /// `unauthenticated`.
  [[nodiscard]] virtual result<foreign_claims> verify(std::string_view token,
                                                      std::int64_t now) const = 0;
  /// The same issuer with another key set, the text of its JWKS document (RFC 7517). Errors:
  /// `invalid_argument` when it is not one, is past limits::jwks_bytes or limits::jwks_keys, or
  /// names two of its keys alike.
  [[nodiscard]] virtual result<std::shared_ptr<const foreign_verifier>> with_jwks(
      std::string_view jwks) const = 0;
};

/// What a token says in `iss`, proven by nothing: good to choose the verifier, and no more. Empty
/// when it is no compact JWS or names no issuer. Thread-safe.
using claimed_issuer_function = std::function<std::string(std::string_view token)>;

} // namespace troupe
