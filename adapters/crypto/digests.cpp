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
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    std::string hex(2 * sizeof hash + 1, '\0');
    sodium_bin2hex(hex.data(), hex.size(), hash, sizeof hash);
    hex.pop_back(); // libsodium's terminating NUL
    return hex;
  }
};

} // namespace

std::unique_ptr<digests> make_digests() {
  return std::make_unique<sodium_digests>();
}

} // namespace troupe
