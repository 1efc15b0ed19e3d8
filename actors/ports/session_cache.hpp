#pragma once

#include "messages/base/limits.hpp"
#include "messages/base/reply.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// What a session_cache knows of a key.
struct cached_session {
  enum class state : std::uint8_t {
    absent,  ///< ask the database
    found,   ///< `value` is what was put
    revoked, ///< whatever the database said earlier counts no more
  };
  state what = state::absent;
  std::string value; ///< of `found` only

  bool operator==(const cached_session&) const = default;
};

/// Who holds a credential, cached for all nodes together: the database is read rarely, and a
/// revocation counts everywhere at once. Keys are digests of credentials, never credentials.
///
/// Asynchronous; replies come on a thread of the adapter, a refusal of the call itself before it
/// returns. Errors: `unavailable` (the cache is down; see retry_after_ms: ask the database),
/// `overloaded` (a bound of the adapter), `invalid_argument` (a key, a value or a time to live out
/// of its bounds, with `param`).
class session_cache {
public:
  virtual ~session_cache() = default;

  /// `key`: 1 to limits::session_key_bytes.
  virtual void get(std::string key, reply<cached_session> answer) = 0;

  /// Keeps `value` (at most limits::session_value_bytes) for `ttl` in place of an older one. A
  /// revoked key stays revoked: a node that read the database before the revocation changes
  /// nothing. It may be forgotten earlier.
  virtual void put(std::string key, std::string value, std::chrono::milliseconds ttl,
                   reply<done> answer) = 0;

  /// These keys are `revoked` for `ttl` from now (longer, if they were already). At most
  /// limits::session_revoke_keys. After an error some may be revoked: call it again. `ttl` must
  /// outlast whatever a node could still put: a read of the database and the longest ttl of a put.
  virtual void revoke(std::vector<std::string> keys, std::chrono::milliseconds ttl,
                      reply<done> answer) = 0;
};

/// What every adapter of session_cache must refuse alike. Pure.
namespace session_rules {

[[nodiscard]] inline result<void> check_key(const std::string& key) {
  if (key.empty() || key.size() > limits::session_key_bytes)
    return fail(errc::invalid_argument, "a key has 1 to 200 bytes", "key");
  return {};
}

[[nodiscard]] inline result<void> check_ttl(std::chrono::milliseconds ttl) {
  if (ttl < std::chrono::milliseconds(1) || ttl > limits::session_ttl_max)
    return fail(errc::invalid_argument, "a time to live lasts 1 ms to 31 days", "ttl");
  return {};
}

[[nodiscard]] inline result<void> check_put(const std::string& key, const std::string& value,
                                            std::chrono::milliseconds ttl) {
  if (auto ok = check_key(key); !ok) return ok;
  if (value.size() > limits::session_value_bytes)
    return fail(errc::invalid_argument, "a value has at most 8 KiB", "value");
  return check_ttl(ttl);
}

[[nodiscard]] inline result<void> check_revoke(const std::vector<std::string>& keys,
                                               std::chrono::milliseconds ttl) {
  if (keys.size() > limits::session_revoke_keys)
    return fail(errc::invalid_argument, "too many keys in one call", "keys");
  for (const auto& key : keys)
    if (auto ok = check_key(key); !ok) return ok;
  return check_ttl(ttl);
}

} // namespace session_rules
} // namespace troupe
