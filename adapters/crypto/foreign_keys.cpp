#include "adapters/crypto/foreign_keys.hpp"

#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/sodium_keys.hpp"

#include <algorithm>

namespace troupe::crypto {
namespace {

bool has(const std::vector<jws_alg>& algorithms, jws_alg alg) {
  return std::ranges::find(algorithms, alg) != algorithms.end();
}

std::vector<jws_alg> all_but_hs256() {
  return {jws_alg::eddsa, jws_alg::es256, jws_alg::es384, jws_alg::rs256,
          jws_alg::rs384, jws_alg::rs512, jws_alg::ps256};
}

} // namespace

result<foreign_keys> foreign_keys::make(const foreign_issuer_config& config) {
  foreign_keys made;
  made.allowed_ = config.algorithms.empty() ? all_but_hs256() : config.algorithms;
  if (!config.hs256_secret.value.empty()) {
    auto key = make_hs256_key(config.hs256_secret.value);
    if (!key) return fail(key.error().code, key.error().message, "hs256_secret");
    made.secret_ = std::move(*key);
    if (config.algorithms.empty()) made.allowed_.push_back(jws_alg::hs256);
  }
  if (has(made.allowed_, jws_alg::hs256) && !made.secret_)
    return fail(errc::invalid_argument, "HS256 needs the issuer's secret", "algorithms");
  return config.jwks.empty() ? std::move(made) : made.with_jwks(config.jwks);
}

result<foreign_keys> foreign_keys::with_jwks(std::string_view jwks) const {
  auto set = jwk_set::read(jwks);
  if (!set) return std::unexpected(std::move(set.error()));
  auto made = *this;
  made.set_ = std::move(*set);
  return made;
}

result<const verify_key*> foreign_keys::key_for(const jws_header& header) const {
  if (!has(allowed_, header.alg))
    return fail(errc::unauthenticated, "the token has another algorithm");
  if (header.alg == jws_alg::hs256) return secret_.get();
  return set_.find(header);
}

result<void> foreign_keys::check(const jws_header& header, const jws_parts& parts) const {
  const auto key = key_for(header);
  if (!key) return std::unexpected(key.error());
  const auto signature = from_base64url(parts.signature);
  if (!signature || !(*key)->holds(parts.signed_part, *signature))
    return fail(errc::unauthenticated, "the token's signature is wrong");
  return {};
}

} // namespace troupe::crypto
