// Goal: no token crashes a verifier, and what one accepts is what it says it is. Method: the input
// as a whole token, and its first line as the header and the rest as the payload of a token whose
// signature holds, so that the readers behind the signature are reached.
#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/crypto.hpp"
#include "adapters/crypto/foreign_issuer.hpp"
#include "adapters/crypto/sodium_keys.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/json_text.hpp"
#include "tests/fuzz/require.hpp"

#include <string_view>

namespace {

using namespace troupe;

constexpr std::int64_t now = 1'800'000'000;
const std::string shared = "0123456789abcdef0123456789abcdef";

void our_own(std::string_view token) {
  static const auto signer =
      make_token_signer({.alg = jws_alg::hs256, .keys = {{.text = {shared}}}}).value();
  const auto claims = signer->verify(token, now);
  if (!claims) return require(claims.error().code == errc::unauthenticated);
  require(token.size() <= limits::token_bytes && claims->exp > now && claims->iat <= now);
  require(!claims->sub.empty() && !claims->sid.empty());
  const auto again = signer->verify(signer->sign(*claims), now);
  require(again && again->sub == claims->sub && again->sid == claims->sid &&
          again->iss == claims->iss && again->aud == claims->aud);
}

void foreign(std::string_view token) {
  static const auto verifier =
      make_foreign_verifier({.issuer = "i", .audiences = {"a"}, .hs256_secret = {shared}}).value();
  const auto claims = verifier->verify(token, now);
  if (!claims) return require(claims.error().code == errc::unauthenticated);
  require(claims->iss == "i" && !claims->sub.empty() && claims->exp > now - 30);
  require(check_json(claims->payload.raw).has_value());
}

void read_all(std::string_view token) {
  our_own(token);
  foreign(token);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto key = crypto::make_hs256_key(shared).value();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  read_all(input);
  const auto line = std::min(input.find('\n'), size);
  const auto payload = input.substr(std::min(line + 1, size));
  const auto part =
      crypto::to_base64url(input.substr(0, line)) + '.' + crypto::to_base64url(payload);
  read_all(part + '.' + crypto::to_base64url(key->sign(part)));
  return 0;
}
