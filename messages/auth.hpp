#pragma once

#include "messages/base/op_context.hpp"
#include "messages/base/values.hpp"

#include <boost/describe/class.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Messages of the service `auth`. Field names are the names on the wire, in JSON and MessagePack.
namespace troupe {

struct user_view {
  std::string id; ///< UUID
  std::string email;
  std::string name; ///< may be empty
  bool admin = false;
  std::string created_at; ///< RFC 3339
  bool operator==(const user_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(user_view, (), (id, email, name, admin, created_at))

struct register_request {
  std::string email; ///< at most 254 bytes, one `@`
  secret password;   ///< 8 to 1,024 bytes
  std::string name;  ///< at most 200 bytes
  bool operator==(const register_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(register_request, (), (email, password, name))

struct login_request {
  std::string email;
  secret password;
  bool operator==(const login_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(login_request, (), (email, password))

struct refresh_request {
  secret refresh_token;
  bool operator==(const refresh_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(refresh_request, (), (refresh_token))

struct session_reply {
  std::string access_token;
  std::string refresh_token;
  std::string token_type = "bearer";
  std::int64_t expires_in = 0; ///< seconds until the access token expires
  std::int64_t expires_at = 0; ///< Unix seconds
  user_view user;
  bool operator==(const session_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(session_reply, (),
                      (access_token, refresh_token, token_type, expires_in, expires_at, user))

struct logout_request {
  bool operator==(const logout_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(logout_request, (), ())

struct verify_request {
  secret token; ///< an access token or an API key
  bool operator==(const verify_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(verify_request, (), (token))

/// In the manner of RFC 7662: the other fields are there only when active.
struct verify_reply {
  bool active = false;
  std::optional<std::string> sub;
  std::optional<std::string> sid;
  std::optional<std::string> email;
  std::optional<std::int64_t> iat;
  std::optional<std::int64_t> exp;
  bool operator==(const verify_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(verify_reply, (), (active, sub, sid, email, iat, exp))

struct me_request {
  bool operator==(const me_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(me_request, (), ())

struct create_key_request {
  std::string name; ///< at most 200 bytes
  bool operator==(const create_key_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(create_key_request, (), (name))

struct api_key_view {
  std::string id; ///< `key_…`
  std::string object = "api_key";
  std::string name;
  std::string hint;               ///< the first characters of the key
  std::int64_t created_at = 0;    ///< Unix seconds
  std::optional<std::string> key; ///< the whole key; only in the answer that creates it
  bool operator==(const api_key_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(api_key_view, (), (id, object, name, hint, created_at, key))

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

struct revoke_key_request {
  std::string id;
  bool operator==(const revoke_key_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(revoke_key_request, (), (id))

struct deleted_reply {
  std::string id;
  std::string
      object; ///< `file`, `vector_store.deleted`, `vector_store.file.deleted`, `api_key.deleted`
  bool deleted = true;
  bool operator==(const deleted_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(deleted_reply, (), (id, object, deleted))

/// Asked by the router only: who holds this credential?
struct authenticate_request {
  secret credential;
  bool operator==(const authenticate_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(authenticate_request, (), (credential))

struct authenticate_reply {
  caller who;
  std::int64_t expires_at = 0; ///< Unix seconds; 0: does not expire by itself
  bool operator==(const authenticate_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(authenticate_reply, (), (who, expires_at))

} // namespace troupe
