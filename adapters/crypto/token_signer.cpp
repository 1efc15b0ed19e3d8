#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/crypto.hpp"
#include "adapters/crypto/jws.hpp"
#include "adapters/crypto/sodium_start.hpp"

#include <sodium.h>
#include <array>

namespace troupe {
namespace {

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// What both algorithms share; the derived class signs bytes and checks signatures.
class jws_signer : public token_signer {
public:
  std::string sign(const token_claims& claims) const final {
    std::string token = header_text_ + '.' + crypto::to_base64url(crypto::write_claims(claims));
    const std::string signature = signature_of(token);
    return token + '.' + crypto::to_base64url(signature);
  }

  result<token_claims> verify(std::string_view token, std::int64_t now) const final {
    const auto parts = crypto::split_jws(token);
    if (!parts) return refused("the access token is malformed");
    // Our own header needs no parsing: it is always the same text.
    if (parts->header != header_text_ && !crypto::header_allowed(parts->header, header_))
      return refused("the access token has another algorithm or key");
    const auto signature = crypto::from_base64url(parts->signature);
    if (!signature || !signature_holds(parts->signed_part, *signature))
      return refused("the access token's signature is wrong");
    const auto payload = crypto::from_base64url(parts->payload);
    if (!payload) return refused("the access token is malformed");
    const auto claims = crypto::read_claims(*payload);
    if (!claims) return refused("the access token's claims are malformed");
    if (claims->claims.exp <= now) return refused("the access token has expired");
    if (claims->claims.iat > now || claims->not_before > now)
      return refused("the access token is not valid yet");
    return claims->claims;
  }

protected:
  explicit jws_signer(crypto::jws_header header)
      : header_(std::move(header)), header_text_(crypto::to_base64url(write_header(header_))) {}

private:
  virtual std::string signature_of(std::string_view signed_part) const = 0;
  virtual bool signature_holds(std::string_view signed_part, std::string_view signature) const = 0;

  static std::unexpected<error> refused(const char* why) {
    return fail(errc::unauthenticated, why);
  }

  const crypto::jws_header header_;
  const std::string header_text_; // base64url
};

struct ed25519_keys {
  std::array<unsigned char, crypto_sign_ed25519_PUBLICKEYBYTES> open{};
  std::array<unsigned char, crypto_sign_ed25519_SECRETKEYBYTES> closed{};

  explicit ed25519_keys(std::string_view seed) {
    crypto_sign_ed25519_seed_keypair(open.data(), closed.data(), raw(seed));
  }
  /// The first 12 bytes of the public key's SHA-256: enough to tell keys apart.
  std::string id() const {
    std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
    crypto_hash_sha256(hash.data(), open.data(), open.size());
    return crypto::to_base64url({reinterpret_cast<const char*>(hash.data()), 12});
  }
};

class eddsa_signer final : public jws_signer {
public:
  explicit eddsa_signer(const ed25519_keys& keys)
      : jws_signer({.alg = "EdDSA", .kid = keys.id()}), keys_(keys) {}
  ~eddsa_signer() override { sodium_memzero(keys_.closed.data(), keys_.closed.size()); }

private:
  std::string signature_of(std::string_view signed_part) const override {
    std::string signature(crypto_sign_ed25519_BYTES, '\0');
    crypto_sign_ed25519_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr,
                                 raw(signed_part), signed_part.size(), keys_.closed.data());
    return signature;
  }

  bool signature_holds(std::string_view signed_part, std::string_view signature) const override {
    return signature.size() == crypto_sign_ed25519_BYTES &&
           crypto_sign_ed25519_verify_detached(raw(signature), raw(signed_part), signed_part.size(),
                                               keys_.open.data()) == 0;
  }

  ed25519_keys keys_;
};

class hs256_signer final : public jws_signer {
public:
  explicit hs256_signer(std::string_view key) : jws_signer({.alg = "HS256", .kid = {}}) {
    crypto_auth_hmacsha256_init(&keyed_, raw(key), key.size());
  }
  ~hs256_signer() override { sodium_memzero(&keyed_, sizeof keyed_); }

private:
  std::string signature_of(std::string_view signed_part) const override {
    auto state = keyed_; // the key's two blocks are hashed once, in the constructor
    std::string code(crypto_auth_hmacsha256_BYTES, '\0');
    crypto_auth_hmacsha256_update(&state, raw(signed_part), signed_part.size());
    crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(code.data()));
    return code;
  }

  bool signature_holds(std::string_view signed_part, std::string_view signature) const override {
    const auto expected = signature_of(signed_part);
    return signature.size() == expected.size() &&
           sodium_memcmp(signature.data(), expected.data(), expected.size()) == 0;
  }

  crypto_auth_hmacsha256_state keyed_{};
};

constexpr std::size_t hs256_secret_bytes_min = 32;

} // namespace

std::string make_eddsa_seed() {
  crypto::start_sodium();
  std::string seed(crypto_sign_ed25519_SEEDBYTES, '\0');
  randombytes_buf(seed.data(), seed.size());
  return crypto::to_base64url(seed);
}

result<std::unique_ptr<token_signer>> make_token_signer_eddsa(const std::string& seed_base64url) {
  crypto::start_sodium();
  auto seed = crypto::from_base64url(seed_base64url);
  if (!seed || seed->size() != crypto_sign_ed25519_SEEDBYTES)
    return fail(errc::invalid_argument, "the signing key must be 32 bytes in base64url");
  auto signer = std::make_unique<eddsa_signer>(ed25519_keys(*seed));
  sodium_memzero(seed->data(), seed->size());
  return signer;
}

result<std::unique_ptr<token_signer>> make_token_signer_hs256(const std::string& secret_bytes) {
  crypto::start_sodium();
  if (secret_bytes.size() < hs256_secret_bytes_min)
    return fail(errc::invalid_argument, "JWT_SECRET must have at least 32 bytes");
  return std::make_unique<hs256_signer>(secret_bytes);
}

} // namespace troupe
