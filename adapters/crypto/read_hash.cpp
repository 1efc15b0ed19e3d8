#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/stored_hash.hpp"
#include "messages/base/limits.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <ranges>
#include <vector>

namespace troupe::crypto {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (const auto part : std::views::split(text, at)) parts.emplace_back(part.begin(), part.end());
  return parts;
}

/// A decimal number from 1 to `max` without sign or leading zero.
std::optional<std::uint32_t> number(std::string_view text, std::uint32_t max) {
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, failed] = std::from_chars(text.data(), end, value);
  if (failed != std::errc{} || stopped != end || text.front() == '0' || value > max)
    return std::nullopt;
  return value;
}

/// `name=value`.
std::optional<std::uint32_t> named_number(std::string_view text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  return number(text.substr(name.size()), ~std::uint32_t{});
}

std::optional<std::string> from_hex(std::string_view text) {
  std::string bytes;
  if (text.size() % 2 != 0) return std::nullopt;
  for (std::size_t at = 0; at < text.size(); at += 2) {
    unsigned char byte = 0;
    const auto [end, failed] = std::from_chars(&text[at], &text[at] + 2, byte, 16);
    if (failed != std::errc{} || end != &text[at] + 2) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// Argon2: [$argon2id$v=19$]m=65536,t=3,p=4$salt$key

bool argon2_cost_allowed(std::string_view text) {
  const auto fields = split(text, ',');
  if (fields.size() != 3) return false;
  const auto kibibytes = named_number(fields[0], "m=");
  const auto passes = named_number(fields[1], "t=");
  const auto lanes = named_number(fields[2], "p=");
  if (!kibibytes || !passes || !lanes || *lanes > limits::hash_lanes) return false;
  const auto bytes = std::uint64_t{*kibibytes} << 10;
  return *kibibytes >= 8 * *lanes && bytes <= limits::hash_memory_bytes &&
         *passes <= limits::hash_work_bytes / bytes;
}

std::optional<stored_hash> argon2(std::string_view text) {
  const auto parts = split(text, '$'); // the first is empty
  if (parts.size() != 6 || parts[2] != "v=19" || !argon2_cost_allowed(parts[3]))
    return std::nullopt;
  const auto salt = from_base64_unpadded(parts[4]);
  const auto key = from_base64_unpadded(parts[5]);
  if (!salt || salt->size() < 8 || !key || key->size() < 16) return std::nullopt;
  return argon2_hash{std::string(text)};
}

// bcrypt: $2b$12$ and 53 characters of salt and key

std::optional<bcrypt_hash> bcrypt(std::string_view text) {
  constexpr std::string_view digits =
      "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const bool variant =
      text.starts_with("$2a$") || text.starts_with("$2b$") || text.starts_with("$2y$");
  if (!variant || text.size() != 60 || text[6] != '$') return std::nullopt;
  const auto two = text.substr(4, 2);
  const auto cost = number(two.front() == '0' ? two.substr(1) : two, limits::hash_bcrypt_cost);
  if (!cost || *cost < 4) return std::nullopt;
  if (text.find_first_not_of(digits, 7) != text.npos) return std::nullopt;
  return bcrypt_hash{std::string(text)};
}

// PBKDF2

std::size_t size_of(hmac_digest digest) {
  return digest == hmac_digest::sha1 ? 20 : digest == hmac_digest::sha256 ? 32 : 64;
}

/// A key of another length is no damaged character but a damaged check: an empty one would match
/// every password.
std::optional<stored_hash> pbkdf2(hmac_digest digest, std::string_view iterations,
                                  std::string_view salt, std::optional<std::string> key) {
  const auto count = number(iterations, limits::hash_pbkdf2_iterations);
  if (!count || salt.empty() || !key || key->size() != size_of(digest)) return std::nullopt;
  return pbkdf2_hash{digest, *count, std::string(salt), std::move(*key)};
}

/// Django: [pbkdf2_sha256$]iterations$salt$base64
template <hmac_digest digest>
std::optional<stored_hash> django_pbkdf2(std::string_view rest) {
  const auto parts = split(rest, '$');
  if (parts.size() != 3) return std::nullopt;
  return pbkdf2(digest, parts[0], parts[1], from_base64(parts[2]));
}

/// Werkzeug: [pbkdf2:sha256:]iterations$salt$hex
template <hmac_digest digest>
std::optional<stored_hash> werkzeug_pbkdf2(std::string_view rest) {
  const auto parts = split(rest, '$');
  if (parts.size() != 3) return std::nullopt;
  return pbkdf2(digest, parts[0], parts[1], from_hex(parts[2]));
}

// scrypt

std::optional<stored_hash> scrypt(std::array<std::string_view, 3> n_r_p, std::string_view salt,
                                  std::optional<std::string> key) {
  constexpr std::uint32_t any = ~std::uint32_t{};
  const auto n = number(n_r_p[0], any);
  const auto r = number(n_r_p[1], limits::hash_memory_bytes / 128); // so that nothing overflows
  const auto p = number(n_r_p[2], limits::hash_lanes);
  if (!n || *n < 2 || !std::has_single_bit(*n) || !r || !p) return std::nullopt;
  const auto block = 128 * std::uint64_t{*r};
  const auto bytes = block * (std::uint64_t{*n} + *p);
  if (bytes > limits::hash_memory_bytes || *p > limits::hash_work_bytes / bytes)
    return std::nullopt;
  if (salt.empty() || !key || key->size() != 64) return std::nullopt;
  return scrypt_hash{*n, *r, *p, std::string(salt), std::move(*key)};
}

/// Django: [scrypt$]n$salt$r$p$base64
std::optional<stored_hash> django_scrypt(std::string_view rest) {
  const auto parts = split(rest, '$');
  if (parts.size() != 5) return std::nullopt;
  return scrypt({parts[0], parts[2], parts[3]}, parts[1], from_base64(parts[4]));
}

/// Werkzeug: [scrypt:]n:r:p$salt$hex
std::optional<stored_hash> werkzeug_scrypt(std::string_view rest) {
  const auto parts = split(rest, '$');
  if (parts.size() != 3) return std::nullopt;
  const auto cost = split(parts[0], ':');
  if (cost.size() != 3) return std::nullopt;
  return scrypt({cost[0], cost[1], cost[2]}, parts[1], from_hex(parts[2]));
}

// Django's names before the formats of others

std::optional<stored_hash> django_argon2(std::string_view rest) {
  const auto text = '$' + std::string(rest);
  const bool ours = rest.starts_with("argon2id$") || rest.starts_with("argon2i$");
  return ours ? argon2(text) : std::nullopt;
}

std::optional<stored_hash> django_bcrypt_sha256(std::string_view rest) {
  auto inner = bcrypt(rest);
  if (!inner) return std::nullopt;
  inner->of_sha256 = true;
  return *inner;
}

struct format {
  std::string_view prefix;
  std::optional<stored_hash> (*read)(std::string_view rest);
  bool with_prefix = false; ///< whether `read` is given the whole text
};

constexpr format formats[] = {
    {"$argon2id$", argon2, true},
    {"$argon2i$", argon2, true},
    {"argon2$", django_argon2},
    {"$2", [](std::string_view text) { return std::optional<stored_hash>(bcrypt(text)); }, true},
    {"bcrypt$", [](std::string_view text) { return std::optional<stored_hash>(bcrypt(text)); }},
    {"bcrypt_sha256$", django_bcrypt_sha256},
    {"pbkdf2_sha256$", django_pbkdf2<hmac_digest::sha256>},
    {"pbkdf2_sha1$", django_pbkdf2<hmac_digest::sha1>},
    {"pbkdf2:sha1:", werkzeug_pbkdf2<hmac_digest::sha1>},
    {"pbkdf2:sha256:", werkzeug_pbkdf2<hmac_digest::sha256>},
    {"pbkdf2:sha512:", werkzeug_pbkdf2<hmac_digest::sha512>},
    {"scrypt$", django_scrypt},
    {"scrypt:", werkzeug_scrypt},
};

} // namespace

std::optional<stored_hash> read_hash(std::string_view encoded) {
  if (encoded.size() > limits::hash_text_bytes) return std::nullopt;
  const auto* found =
      std::ranges::find_if(formats, [&](const format& f) { return encoded.starts_with(f.prefix); });
  if (found == std::end(formats)) return std::nullopt;
  return found->read(found->with_prefix ? encoded : encoded.substr(found->prefix.size()));
}

} // namespace troupe::crypto
