#include "adapters/crypto/sodium_keys.hpp"

#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/sodium_start.hpp"

#include <sodium.h>
#include <algorithm>
#include <array>

namespace troupe::crypto {
namespace {

constexpr std::size_t hs256_secret_bytes_min = 32;

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

using ed25519_public = std::array<unsigned char, crypto_sign_ed25519_PUBLICKEYBYTES>;

bool ed25519_holds(const ed25519_public& key, std::string_view signed_part,
                   std::string_view signature) {
  return signature.size() == crypto_sign_ed25519_BYTES &&
         crypto_sign_ed25519_verify_detached(raw(signature), raw(signed_part), signed_part.size(),
                                             key.data()) == 0;
}

class ed25519_verify_key final : public verify_key {
public:
  explicit ed25519_verify_key(std::string_view bytes) { std::ranges::copy(bytes, public_.begin()); }
  bool holds(std::string_view signed_part, std::string_view signature) const override {
    return ed25519_holds(public_, signed_part, signature);
  }

private:
  ed25519_public public_{};
};

class ed25519_key final : public sign_key {
public:
  explicit ed25519_key(std::string_view seed) {
    crypto_sign_ed25519_seed_keypair(public_.data(), secret_.data(), raw(seed));
  }
  ~ed25519_key() override { sodium_memzero(secret_.data(), secret_.size()); }

  bool holds(std::string_view signed_part, std::string_view signature) const override {
    return ed25519_holds(public_, signed_part, signature);
  }

  std::string sign(std::string_view signed_part) const override {
    std::string signature(crypto_sign_ed25519_BYTES, '\0');
    crypto_sign_ed25519_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr,
                                 raw(signed_part), signed_part.size(), secret_.data());
    return signature;
  }

  /// The first 12 bytes of the public key's SHA-256: enough to tell keys apart, and older than the
  /// thumbprints of the other keys.
  std::string kid() const override {
    std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
    crypto_hash_sha256(hash.data(), public_.data(), public_.size());
    return to_base64url({reinterpret_cast<const char*>(hash.data()), 12});
  }

  jwk_members public_members() const override {
    const std::string x(public_.begin(), public_.end());
    return {{"crv", "Ed25519"}, {"kty", "OKP"}, {"x", to_base64url(x)}}; // RFC 8037, 2
  }

private:
  ed25519_public public_{};
  std::array<unsigned char, crypto_sign_ed25519_SECRETKEYBYTES> secret_{};
};

class hs256_key final : public sign_key {
public:
  explicit hs256_key(std::string_view secret) {
    crypto_auth_hmacsha256_init(&keyed_, raw(secret), secret.size());
  }
  ~hs256_key() override { sodium_memzero(&keyed_, sizeof keyed_); }

  std::string sign(std::string_view signed_part) const override {
    auto state = keyed_; // the key's two blocks are hashed once, in the constructor
    std::string code(crypto_auth_hmacsha256_BYTES, '\0');
    crypto_auth_hmacsha256_update(&state, raw(signed_part), signed_part.size());
    crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(code.data()));
    return code;
  }

  bool holds(std::string_view signed_part, std::string_view signature) const override {
    const auto expected = sign(signed_part);
    return signature.size() == expected.size() &&
           sodium_memcmp(signature.data(), expected.data(), expected.size()) == 0;
  }

  std::string kid() const override { return {}; }
  jwk_members public_members() const override { return {}; }

private:
  crypto_auth_hmacsha256_state keyed_{};
};

} // namespace

result<std::unique_ptr<sign_key>> make_hs256_key(std::string_view secret) {
  start_sodium();
  if (secret.size() < hs256_secret_bytes_min)
    return fail(errc::invalid_argument, "an HS256 secret must have at least 32 bytes");
  return std::make_unique<hs256_key>(secret);
}

result<std::unique_ptr<sign_key>> make_ed25519_key(std::string_view seed_base64url) {
  start_sodium();
  auto seed = from_base64url(seed_base64url);
  if (!seed || seed->size() != crypto_sign_ed25519_SEEDBYTES)
    return fail(errc::invalid_argument, "the signing key must be 32 bytes in base64url");
  auto key = std::make_unique<ed25519_key>(*seed);
  sodium_memzero(seed->data(), seed->size());
  return key;
}

std::string make_ed25519_seed() {
  start_sodium();
  std::string seed(crypto_sign_ed25519_SEEDBYTES, '\0');
  randombytes_buf(seed.data(), seed.size());
  return to_base64url(seed);
}

std::unique_ptr<verify_key> make_ed25519_verify_key(std::string_view public_bytes) {
  start_sodium();
  if (public_bytes.size() != crypto_sign_ed25519_PUBLICKEYBYTES) return nullptr;
  return std::make_unique<ed25519_verify_key>(public_bytes);
}

} // namespace troupe::crypto
