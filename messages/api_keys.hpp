#pragma once

#include "messages/base/values.hpp"

#include <boost/describe/class.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Messages of the service `keys`: API keys of people and of machines.
namespace troupe {

struct create_key_request {
  std::string name;                     ///< at most 200 bytes
  std::vector<std::string> scopes = {}; ///< empty: whatever its owner may
  std::int64_t expires_in = 0;          ///< seconds; 0: never
  std::string organization = {};        ///< `org_…` of the owner, whose caps it counts against
  std::string user = {};                ///< admins: for this user
  bool operator==(const create_key_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(create_key_request, (), (name, scopes, expires_in, organization, user))

struct api_key_view {
  std::string id; ///< `key_…`
  std::string object = "api_key";
  std::string name;
  std::string hint; ///< the first characters of the key
  std::vector<std::string> scopes;
  std::string organization;                 ///< may be empty
  std::int64_t created_at = 0;              ///< Unix seconds
  std::optional<std::int64_t> expires_at;   ///< Unix seconds
  std::optional<std::int64_t> last_used_at; ///< Unix seconds, to the minute
  std::optional<std::string> key;           ///< the whole key; only in the answer that makes it
  bool operator==(const api_key_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(api_key_view, (),
                      (id, object, name, hint, scopes, organization, created_at, expires_at,
                       last_used_at, key))

struct list_keys_request {
  std::string user; ///< admins: another user's keys
  bool operator==(const list_keys_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(list_keys_request, (), (user))

struct api_key_list {
  std::string object = "list";
  std::vector<api_key_view> data;
  bool operator==(const api_key_list&) const = default;
};
BOOST_DESCRIBE_STRUCT(api_key_list, (), (object, data))

struct update_key_request {
  std::string id;
  std::optional<std::string> name;
  std::optional<std::vector<std::string>> scopes;
  std::optional<std::int64_t> expires_in; ///< seconds from now; 0: never
  std::string user;                       ///< admins: a key of this user
  bool operator==(const update_key_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(update_key_request, (), (id, name, scopes, expires_in, user))

/// A new key in the place of an old one, which still works for a while.
struct rotate_key_request {
  std::string id;
  std::int64_t overlap = 3600; ///< seconds that the old key still works, 0 to 30 days
  std::string user;            ///< admins: a key of this user
  bool operator==(const rotate_key_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(rotate_key_request, (), (id, overlap, user))

struct revoke_key_request {
  std::string id;
  std::string user; ///< admins: a key of this user
  bool operator==(const revoke_key_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(revoke_key_request, (), (id, user))

} // namespace troupe
