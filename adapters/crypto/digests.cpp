#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/crypto.hpp"
#include "adapters/crypto/sodium_start.hpp"

#include <sodium.h>

namespace troupe {
namespace {

class sodium_digests final : public digests {
public:
  sodium_digests() { crypto::start_sodium(); }

  std::string random_token(std::size_t bytes) const override {
    std::string random(bytes, '\0');
    randombytes_buf(random.data(), random.size());
    return crypto::to_base64url(random);
  }

  std::string sha256_hex(std::string_view bytes) const override {
    const auto hash = sha256(bytes);
    std::string hex(2 * hash.size() + 1, '\0');
    sodium_bin2hex(hex.data(), hex.size(), reinterpret_cast<const unsigned char*>(hash.data()),
                   hash.size());
    hex.pop_back(); // libsodium's terminating NUL
    return hex;
  }

  std::string sha256_base64url(std::string_view bytes) const override {
    return crypto::to_base64url(sha256(bytes));
  }

private:
  static std::string sha256(std::string_view bytes) {
    std::string hash(crypto_hash_sha256_BYTES, '\0');
    crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    return hash;
  }
};

} // namespace

std::unique_ptr<digests> make_digests() {
  return std::make_unique<sodium_digests>();
}

} // namespace troupe
