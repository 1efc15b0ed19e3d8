#pragma once

#include "messages/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// The password hashes that verify, read from their text. Pure, thread-safe.
namespace troupe::crypto {

/// `$argon2id$…` or `$argon2i$…`, version 19, as the reference implementation writes it.
struct argon2_hash {
  std::string text;
};

/// `$2a$…`, `$2b$…` or `$2y$…`.
struct bcrypt_hash {
  std::string text;
  bool of_sha256 = false; ///< of the password's SHA-256 in lower-case hex
};

enum class hmac_digest : std::uint8_t { sha1, sha256, sha512 };

/// PBKDF2 with HMAC (RFC 8018).
struct pbkdf2_hash {
  hmac_digest digest = hmac_digest::sha256;
  std::uint32_t iterations = 0;
  std::string salt; ///< raw bytes
  std::string key;  ///< raw bytes, as many as the digest has
};

/// scrypt (RFC 7914).
struct scrypt_hash {
  std::uint64_t n = 0;
  std::uint32_t r = 0;
  std::uint32_t p = 0;
  std::string salt; ///< raw bytes
  std::string key;  ///< 64 raw bytes
};

using stored_hash = std::variant<argon2_hash, bcrypt_hash, pbkdf2_hash, scrypt_hash>;

/// nullopt when the text is of no known format, is damaged, or costs more than limits:: allows. The
/// formats stand in README.md.
[[nodiscard]] std::optional<stored_hash> read_hash(std::string_view encoded);

/// Whether the password gives this hash. Takes as long as the hash costs: tens of milliseconds to
/// some seconds. Errors: `unavailable` when there is no memory.
[[nodiscard]] result<bool> matches(std::string_view password, const stored_hash& hash);

} // namespace troupe::crypto
