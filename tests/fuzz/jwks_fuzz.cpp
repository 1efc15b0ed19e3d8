// Goal: no key set of an issuer crashes, and only sets with the issuer's own key accept its token.
// Method: the input as a key set, then a token of PyJWT for each algorithm against it.
#include "adapters/crypto/foreign_issuer.hpp"
#include "messages/base/limits.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/unit/adapters/foreign_vectors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe;
  static const auto issuer = make_foreign_verifier({.issuer = "https://issuer.example"}).value();
  const std::string_view jwks(reinterpret_cast<const char*>(data), size);
  const auto verifier = issuer->with_jwks(jwks);
  if (!verifier) {
    require(verifier.error().code == errc::invalid_argument);
    return 0;
  }
  require(jwks.size() <= limits::jwks_bytes);
  for (const auto& each : test::foreign_vectors) {
    const auto claims = (*verifier)->verify(each.token, 1'800'000'000);
    require(claims ? claims->sub == "u-1" : claims.error().code == errc::unauthenticated);
  }
  return 0;
}
