#pragma once

#include "adapters/crypto/foreign_issuer.hpp"
#include "adapters/crypto/jwk.hpp"
#include "adapters/crypto/jws.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace troupe::crypto {

/// What an issuer signs with: the public keys of its set, a shared secret, or both. Immutable,
/// thread-safe.
class foreign_keys {
public:
  /// Errors: as make_foreign_verifier() of the keys' fields.
  [[nodiscard]] static result<foreign_keys> make(const foreign_issuer_config& config);

  /// The same with another key set. Errors: as foreign_verifier::with_jwks().
  [[nodiscard]] result<foreign_keys> with_jwks(std::string_view jwks) const;

  /// Whether one of them signed this. Errors: `unauthenticated`, with unknown_key_reason when the
  /// header names a key that is not in the set.
  [[nodiscard]] result<void> check(const jws_header& header, const jws_parts& parts) const;

private:
  [[nodiscard]] result<const verify_key*> key_for(const jws_header& header) const;

  std::vector<jws_alg> allowed_;
  std::shared_ptr<const verify_key> secret_; ///< null when there is none
  jwk_set set_;
};

} // namespace troupe::crypto
