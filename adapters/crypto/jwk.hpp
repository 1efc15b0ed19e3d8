#pragma once

#include "adapters/crypto/jws.hpp"
#include "adapters/crypto/jws_key.hpp"
#include "messages/base/result.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// JSON Web Keys (RFC 7517), read and written. No network. Thread-safe.
namespace troupe::crypto {

/// SHA-256 of the members in base64url (RFC 7638).
[[nodiscard]] std::string thumbprint(const jwk_members& members);

/// A public key of ours with its algorithm, as a JWK.
[[nodiscard]] std::string write_jwk(const sign_key& key, jws_alg alg);

/// The public signature keys of an issuer, each bound to its algorithms.
class jwk_set {
public:
  /// Keys that we cannot use are skipped (RFC 7517, 5): other types and curves, encryption keys,
  /// secrets, RSA keys out of bounds, and keys that show their private half. Errors:
  /// `invalid_argument` when it is no key set, past its bounds, or when two keys for one algorithm
  /// have the same name.
  [[nodiscard]] static result<jwk_set> read(std::string_view text);

  /// The one key that the header names or, when it names none, the only one for its algorithm.
  /// Errors: `unauthenticated`, with unknown_key_reason when no key has that name.
  [[nodiscard]] result<const verify_key*> find(const jws_header& header) const;

private:
  struct entry {
    std::string kid; ///< empty: none
    jws_alg alg = jws_alg::eddsa;
    std::shared_ptr<const verify_key> key;
  };
  std::vector<entry> entries_; ///< a key without an `alg` of its own has one for each that it fits
};

} // namespace troupe::crypto
