#pragma once

#include "actors/ports/session_cache.hpp"
#include "messages/auth.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/msgpack.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Who holds a credential, as it lies in the session cache that auth nodes share. Pure.
namespace troupe::credential_cache {

/// Outlasts what a node that read the accounts before a revocation may still put.
inline constexpr std::chrono::milliseconds revoked_for = 6 * limits::auth_cache_ttl;

[[nodiscard]] inline std::string session_key(std::string_view id) {
  return "session:" + std::string(id);
}
[[nodiscard]] inline std::string api_key_key(std::string_view digest) {
  return "key:" + std::string(digest);
}

/// What is put; `expires_at` of the credential itself comes back only for API keys: a session has
/// many tokens.
[[nodiscard]] inline std::string value_of(const authenticate_reply& who, std::int64_t read_at) {
  return std::to_string(read_at) + ' ' + msgpack_codec::encode(who);
}

/// Nothing when it cannot be read. `expires_at` is such that nobody keeps the answer longer than
/// limits::auth_cache_ttl after the accounts were read.
[[nodiscard]] inline std::optional<authenticate_reply> reply_of(std::string_view value,
                                                                std::int64_t expires_at) {
  const auto blank = value.find(' ');
  if (blank == value.npos) return std::nullopt;
  std::int64_t read_at = 0;
  const auto [at, failed] = std::from_chars(value.data(), value.data() + blank, read_at);
  if (failed != std::errc() || at != value.data() + blank) return std::nullopt;
  auto who = msgpack_codec::decode<authenticate_reply>(value.substr(blank + 1));
  if (!who) return std::nullopt;
  auto until =
      read_at + std::chrono::duration_cast<std::chrono::seconds>(limits::auth_cache_ttl).count();
  for (const auto end : {expires_at, who->expires_at})
    if (end != 0) until = std::min(until, end);
  who->expires_at = until;
  return std::move(*who);
}

} // namespace troupe::credential_cache
