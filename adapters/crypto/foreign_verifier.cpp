#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/foreign_claims_check.hpp"
#include "adapters/crypto/foreign_issuer.hpp"
#include "adapters/crypto/foreign_keys.hpp"
#include "adapters/crypto/strict_json.hpp"
#include "messages/base/limits.hpp"

#include <algorithm>

namespace troupe {
namespace {

class jws_foreign_verifier final : public foreign_verifier {
public:
  jws_foreign_verifier(std::shared_ptr<const foreign_issuer_config> expected,
                       crypto::foreign_keys keys)
      : expected_(std::move(expected)), keys_(std::move(keys)) {}

  result<foreign_claims> verify(std::string_view token, std::int64_t now) const override {
    const auto parts = crypto::split_jws(token);
    const auto header = parts ? crypto::read_header(parts->header) : std::nullopt;
    auto payload = header ? crypto::from_base64url(parts->payload) : std::nullopt;
    if (!payload) return fail(errc::unauthenticated, "the token is malformed");
    auto claims = crypto::judge_claims(std::move(*payload), *expected_, now);
    if (!claims) return claims;
    claims->is_access_token = header->is_access_token;
    if (auto signed_by = keys_.check(*header, *parts); !signed_by)
      return std::unexpected(std::move(signed_by.error()));
    return claims;
  }

  result<std::shared_ptr<const foreign_verifier>> with_jwks(std::string_view jwks) const override {
    auto keys = keys_.with_jwks(jwks);
    if (!keys) return std::unexpected(std::move(keys.error()));
    return std::make_shared<jws_foreign_verifier>(expected_, std::move(*keys));
  }

private:
  const std::shared_ptr<const foreign_issuer_config> expected_;
  const crypto::foreign_keys keys_;
};

result<void> check(const foreign_issuer_config& config) {
  if (config.issuer.empty())
    return fail(errc::invalid_argument, "an issuer needs its name", "issuer");
  const bool known_uses = std::ranges::all_of(
      config.token_uses, [](const std::string& use) { return use == "id" || use == "access"; });
  if (!known_uses)
    return fail(errc::invalid_argument, "a token's use is id or access", "token_uses");
  if (config.leeway.count() < 0 || config.leeway > limits::token_leeway_max)
    return fail(errc::invalid_argument, "the leeway must be 0 to 300 s", "leeway");
  return {};
}

} // namespace

std::string claimed_issuer(std::string_view token) {
  const auto parts = crypto::split_jws(token);
  const auto payload = parts ? crypto::from_base64url(parts->payload) : std::nullopt;
  const auto claims = payload ? crypto::parse_object(*payload) : std::nullopt;
  return claims ? crypto::string_member(*claims, "iss").value_or("") : "";
}

result<std::shared_ptr<const foreign_verifier>> make_foreign_verifier(
    foreign_issuer_config config) {
  if (auto fine = check(config); !fine) return std::unexpected(std::move(fine.error()));
  auto keys = crypto::foreign_keys::make(config);
  if (!keys) return std::unexpected(std::move(keys.error()));
  config.jwks.clear(); // from here on they are in the keys
  config.hs256_secret = {};
  return std::make_shared<jws_foreign_verifier>(
      std::make_shared<const foreign_issuer_config>(std::move(config)), std::move(*keys));
}

} // namespace troupe
