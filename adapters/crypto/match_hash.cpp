#include "adapters/crypto/quiet_errors.hpp"
#include "adapters/crypto/stored_hash.hpp"

#include <argon2.h>
#include <crypt.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <memory>

namespace troupe::crypto {
namespace {

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::unexpected<error> no_memory() {
  return fail(errc::unavailable, "no memory for hashing a password");
}

bool same(std::string_view one, std::string_view other) {
  return one.size() == other.size() && sodium_memcmp(one.data(), other.data(), one.size()) == 0;
}

result<bool> try_hash(std::string_view password, const argon2_hash& hash) {
  const auto type = hash.text.starts_with("$argon2id$") ? Argon2_id : Argon2_i;
  switch (argon2_verify(hash.text.c_str(), password.data(), password.size(), type)) {
    case ARGON2_OK:
      return true;
    case ARGON2_MEMORY_ALLOCATION_ERROR:
    case ARGON2_THREAD_FAIL: // of a hash with several lanes
      return no_memory();    // never mistaken for a wrong password
    default:
      return false;
  }
}

std::string sha256_hex(std::string_view bytes) {
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, raw(bytes), bytes.size());
  char hex[2 * sizeof digest + 1];
  return sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
}

result<bool> try_hash(std::string_view password, const bcrypt_hash& hash) {
  constexpr std::size_t significant = 72; // bcrypt knows no more of a password
  std::string key = hash.of_sha256 ? sha256_hex(password) : std::string(password);
  // A password that goes on after a NUL would match by what stands before it: bcrypt's passwords
  // are C strings. The work is done all the same, so that the time tells nothing of the hash.
  const bool whole = !key.contains('\0');
  if (key.size() > significant) key.resize(significant); // crypt refuses more than 512
  const auto work = std::make_unique<crypt_data>();      // 32 KiB
  const char* made = crypt_rn(key.c_str(), hash.text.c_str(), work.get(), sizeof *work);
  const bool right = made != nullptr && same(made, hash.text) && whole;
  sodium_memzero(key.data(), key.size());
  sodium_memzero(work.get(), sizeof *work);
  return right;
}

const EVP_MD* digest_of(hmac_digest digest) {
  return digest == hmac_digest::sha1     ? EVP_sha1()
         : digest == hmac_digest::sha256 ? EVP_sha256()
                                         : EVP_sha512();
}

result<bool> try_hash(std::string_view password, const pbkdf2_hash& hash) {
  std::string key(hash.key.size(), '\0');
  const bool made =
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), raw(hash.salt),
                        static_cast<int>(hash.salt.size()), static_cast<int>(hash.iterations),
                        digest_of(hash.digest), static_cast<int>(key.size()),
                        reinterpret_cast<unsigned char*>(key.data())) == 1;
  if (!made) return no_memory();
  return same(key, hash.key);
}

result<bool> try_hash(std::string_view password, const scrypt_hash& hash) {
  const std::uint64_t memory = 128 * hash.r * (hash.n + hash.p) + (1u << 20); // with slack
  std::string key(hash.key.size(), '\0');
  const bool made = EVP_PBE_scrypt(password.data(), password.size(), raw(hash.salt),
                                   hash.salt.size(), hash.n, hash.r, hash.p, memory,
                                   reinterpret_cast<unsigned char*>(key.data()), key.size()) == 1;
  if (!made) return no_memory();
  return same(key, hash.key);
}

} // namespace

result<bool> matches(std::string_view password, const stored_hash& hash) {
  const quiet_errors quiet;
  return std::visit([&](const auto& each) { return try_hash(password, each); }, hash);
}

} // namespace troupe::crypto
