#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/crypto.hpp"
#include "adapters/crypto/jwk.hpp"
#include "adapters/crypto/jws.hpp"
#include "adapters/crypto/openssl_keys.hpp"
#include "adapters/crypto/sodium_keys.hpp"
#include "messages/base/limits.hpp"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {

std::unexpected<error> refused(const char* why) {
  return fail(errc::unauthenticated, why);
}

struct ring_key {
  std::unique_ptr<crypto::sign_key> key;
  crypto::jws_header header;
  std::string header_text; ///< base64url, of every token that the key signs
  std::int64_t retire_at = 0;

  bool lives(std::int64_t now) const { return retire_at == 0 || now < retire_at; }
  bool fits(const crypto::jws_header& of_token) const {
    return of_token.alg == header.alg && (header.kid.empty() || of_token.kid == header.kid);
  }
};

class key_ring final : public token_signer {
public:
  explicit key_ring(std::vector<ring_key> keys) : keys_(std::move(keys)) {}

  std::string sign(const token_claims& claims) const override {
    const auto& first = keys_.front();
    std::string token =
        first.header_text + '.' + crypto::to_base64url(crypto::write_claims(claims));
    const std::string signature = first.key->sign(token);
    return token + '.' + crypto::to_base64url(signature);
  }

  result<token_claims> verify(std::string_view token, std::int64_t now) const override {
    const auto parts = crypto::split_jws(token);
    if (!parts) return refused("the access token is malformed");
    const auto keys = keys_for(parts->header, now);
    if (keys.empty()) return refused("the access token has another algorithm or key");
    const auto signature = crypto::from_base64url(parts->signature);
    if (!signature || std::ranges::none_of(keys, [&](const ring_key* each) {
          return each->key->holds(parts->signed_part, *signature);
        }))
      return refused("the access token's signature is wrong");
    const auto payload = crypto::from_base64url(parts->payload);
    const auto claims = payload ? crypto::read_claims(*payload) : std::nullopt;
    if (!claims) return refused("the access token's claims are malformed");
    if (claims->claims.exp <= now) return refused("the access token has expired");
    if (claims->claims.iat > now || claims->not_before > now)
      return refused("the access token is not valid yet");
    return claims->claims;
  }

  json_text jwks(std::int64_t now) const override {
    std::string keys;
    for (const auto& each : keys_) {
      if (each.header.kid.empty() || !each.lives(now)) continue;
      keys += (keys.empty() ? "" : ",") + crypto::write_jwk(*each.key, each.header.alg);
    }
    return {"{\"keys\":[" + keys + "]}"};
  }

private:
  /// The living keys that may have signed a token with this header.
  std::vector<const ring_key*> keys_for(std::string_view header_text, std::int64_t now) const {
    std::vector<const ring_key*> found;
    for (const auto& each : keys_) // a header of ours needs no parsing: it is always the same text
      if (each.lives(now) && each.header_text == header_text) found.push_back(&each);
    if (!found.empty()) return found;
    const auto header = crypto::read_header(header_text);
    if (!header) return found;
    for (const auto& each : keys_)
      if (each.lives(now) && each.fits(*header)) found.push_back(&each);
    return found;
  }

  const std::vector<ring_key> keys_;
};

result<std::unique_ptr<crypto::sign_key>> make_key(jws_alg alg, const std::string& text) {
  switch (alg) {
    case jws_alg::eddsa:
      return crypto::make_ed25519_key(text);
    case jws_alg::hs256:
      return crypto::make_hs256_key(text);
    default:
      return crypto::make_pem_key(alg, text);
  }
}

} // namespace

std::string make_signing_key(jws_alg alg) {
  const bool random_bytes = alg == jws_alg::eddsa || alg == jws_alg::hs256;
  return random_bytes ? crypto::make_ed25519_seed() : crypto::make_pem(alg);
}

result<std::unique_ptr<token_signer>> make_token_signer(token_signer_config config) {
  if (config.keys.empty() || config.keys.size() > limits::signing_keys)
    return fail(errc::invalid_argument,
                "there must be 1 to " + std::to_string(limits::signing_keys) + " signing keys");
  if (config.keys.front().retire_at != 0)
    return fail(errc::invalid_argument, "the first signing key signs and cannot retire");
  std::vector<ring_key> ring;
  for (const auto& each : config.keys) {
    auto key = make_key(config.alg, each.text.value);
    if (!key) return std::unexpected(std::move(key.error()));
    crypto::jws_header header{config.alg, (*key)->kid()};
    auto header_text = crypto::to_base64url(crypto::write_header(header));
    ring.push_back({std::move(*key), std::move(header), std::move(header_text), each.retire_at});
  }
  return std::make_unique<key_ring>(std::move(ring));
}

} // namespace troupe
