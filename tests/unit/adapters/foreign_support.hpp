#pragma once

#include "adapters/crypto/foreign_issuer.hpp"
#include "adapters/crypto/openssl_keys.hpp"
#include "tests/unit/adapters/forging.hpp"

#include <stdexcept>

/// An issuer whose key the tests hold, and its verifier.
namespace troupe::test {

using verifier_ptr = std::shared_ptr<const foreign_verifier>;

inline constexpr std::int64_t now = 1'800'000'000;
inline const std::string issuer = "https://issuer.example";

/// An issuer with one P-256 key named k1.
struct es256_issuer {
  std::unique_ptr<crypto::sign_key> key =
      crypto::make_pem_key(jws_alg::es256, crypto::make_pem(jws_alg::es256)).value();
  const std::string header = R"({"alg":"ES256","kid":"k1","typ":"JWT"})";

  /// Its key set; `more` are members of the key beside the necessary ones.
  std::string jwks(const std::string& more = R"(,"alg":"ES256","use":"sig")") const {
    const auto members = key->public_members();
    return R"({"keys":[{"kid":"k1","kty":"EC","crv":"P-256","x":")" + members.at("x") +
           R"(","y":")" + members.at("y") + "\"" + more + "}]}";
  }
  std::string token(const std::string& payload) const { return forge(*key, header, payload); }
};

inline const es256_issuer& the_issuer() {
  static const es256_issuer made;
  return made;
}

inline foreign_issuer_config settings() {
  return {.issuer = issuer, .audiences = {"troupe", "spare"}, .jwks = the_issuer().jwks()};
}

/// The keys of two sets in one.
inline std::string joined(const std::string& one, const std::string& other) {
  constexpr std::string_view begin = R"({"keys":[)", end = "]}";
  return one.substr(0, one.size() - end.size()) + "," + other.substr(begin.size());
}

inline verifier_ptr verifier_of(foreign_issuer_config config) {
  auto made = make_foreign_verifier(std::move(config));
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

/// A payload that is accepted, with other or more members at its end.
inline std::string payload(const std::string& more = {}, const std::string& iss = issuer) {
  return R"({"sub":"u","iss":")" + iss + R"(","aud":"troupe","exp":1800000100)" + more + "}";
}

inline bool refused(const foreign_verifier& verifier, const std::string& token,
                    std::int64_t at = now) {
  const auto verdict = verifier.verify(token, at);
  return !verdict && verdict.error().code == errc::unauthenticated &&
         verdict.error().reason.empty();
}

inline bool unknown(const foreign_verifier& verifier, const std::string& token) {
  const auto verdict = verifier.verify(token, now);
  return !verdict && verdict.error().code == errc::unauthenticated &&
         verdict.error().reason == unknown_key_reason;
}

} // namespace troupe::test
