#pragma once

#include "messages/base/reply.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

struct api_key_row {
  std::string id; ///< `key_…`
  std::string user_id;
  std::string name;
  std::string hash; ///< SHA-256 of the key, hex
  std::string hint;
  std::int64_t created_at = 0; ///< Unix seconds
  bool revoked = false;
  std::vector<std::string> scopes = {}; ///< empty: whatever its user may
  std::int64_t expires_at = 0;          ///< Unix seconds; 0: never
  std::int64_t last_used_at = 0;        ///< Unix seconds, to the minute; 0: never
  std::string organization = {};        ///< `org_…` whose caps it counts against; may be empty
};

/// What changes in a key; absent: stays.
struct api_key_change {
  std::optional<std::string> name;
  std::optional<std::vector<std::string>> scopes;
  std::optional<std::int64_t> expires_at;
};

/// API keys. As user_store.hpp says. A key of another user is `not_found`.
class api_key_store {
public:
  virtual ~api_key_store() = default;
  virtual void insert_key(api_key_row row, reply<done> answer) = 0;
  /// Revoked keys are `not_found`; expired ones are found.
  virtual void key_by_hash(std::string hash, reply<api_key_row> answer) = 0;
  virtual void key_by_id(std::string user_id, std::string id, reply<api_key_row> answer) = 0;
  /// Not revoked ones, newest first, at most 1,000.
  virtual void list_keys(std::string user_id, reply<std::vector<api_key_row>> answer) = 0;
  virtual void change_key(std::string user_id, std::string id, api_key_change change,
                          reply<api_key_row> answer) = 0;
  virtual void touch_key(std::string id, std::int64_t used_at, reply<done> answer) = 0;
  /// `not_found` when it is not this user's or is revoked already.
  virtual void revoke_key(std::string user_id, std::string id, reply<done> answer) = 0;
};

} // namespace troupe
