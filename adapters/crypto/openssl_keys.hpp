#pragma once

#include "adapters/crypto/jws_alg.hpp"
#include "adapters/crypto/jws_key.hpp"
#include "messages/base/result.hpp"

/// RSA and elliptic curve keys over OpenSSL. The algorithm is one of ES256, ES384, RS256, RS384,
/// RS512 and PS256. RSA keys have 2,048 to 8,192 bits (RFC 7518, 3.3).
namespace troupe::crypto {

/// A private key in PEM, not encrypted. Errors: `invalid_argument` when it is none, or none of this
/// algorithm.
[[nodiscard]] result<std::unique_ptr<sign_key>> make_pem_key(jws_alg alg, const std::string& pem);

/// A new private key in PEM (PKCS #8); RSA with 2,048 bits, which take some 100 ms to find.
[[nodiscard]] std::string make_pem(jws_alg alg);

/// From modulus and exponent, big-endian; null when they are no RSA key that we trust.
[[nodiscard]] std::unique_ptr<verify_key> make_rsa_verify_key(jws_alg alg, std::string_view n,
                                                              std::string_view e);

/// From a point's coordinates of the curve's full size; null when it is not on the curve.
[[nodiscard]] std::unique_ptr<verify_key> make_ec_verify_key(jws_alg alg, std::string_view x,
                                                             std::string_view y);

} // namespace troupe::crypto
