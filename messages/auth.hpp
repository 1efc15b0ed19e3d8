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

/// A way to sign in that an account has: its e-mail, or an account at another issuer.
struct identity_view {
  std::string id; ///< the issuer's own id of the user; of the provider `email` the user's id
  std::string identity_id;
  std::string user_id;
  json_text identity_data; ///< an object: what the issuer says of the user
  std::string provider;
  std::string created_at;      ///< RFC 3339
  std::string last_sign_in_at; ///< RFC 3339; empty: never
  bool operator==(const identity_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(identity_view, (),
                      (id, identity_id, user_id, identity_data, provider, created_at,
                       last_sign_in_at))

/// An account. It has the members that supabase's clients read, so that one shape serves both APIs.
struct user_view {
  std::string id; ///< UUID
  std::string aud = "authenticated";
  std::string role = "authenticated"; ///< as supabase means it; `account_role` says what it may do
  std::string email;                  ///< empty: an anonymous account
  std::string phone;                  ///< always empty
  std::string name;                   ///< may be empty
  std::string account_role = "user";  ///< `user`, `viewer` or `admin`
  bool admin = false;
  bool is_anonymous = false;
  std::optional<std::string> email_confirmed_at; ///< RFC 3339, as all times here
  std::optional<std::string> confirmed_at;
  std::optional<std::string> last_sign_in_at;
  std::optional<std::string> banned_until; ///< only while it is banned
  json_text app_metadata{"{}"};            ///< an object, written by the server
  json_text user_metadata{"{}"};           ///< an object, written by the user
  std::vector<identity_view> identities;
  std::string created_at;
  std::string updated_at;
  bool operator==(const user_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(user_view, (),
                      (id, aud, role, email, phone, name, account_role, admin, is_anonymous,
                       email_confirmed_at, confirmed_at, last_sign_in_at, banned_until,
                       app_metadata, user_metadata, identities, created_at, updated_at))

struct register_request {
  std::string email;            ///< at most 254 bytes, one `@`
  secret password;              ///< 8 to 1,024 bytes
  std::string name;             ///< at most 200 bytes
  json_text user_metadata = {}; ///< an object; absent: {}
  bool operator==(const register_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(register_request, (), (email, password, name, user_metadata))

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
  std::string scope = "local"; ///< `local` (this session), `others` or `global` (all)
  bool operator==(const logout_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(logout_request, (), (scope))

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

/// What is absent stays as it is.
struct update_me_request {
  std::optional<std::string> email;
  secret password;         ///< the new one
  secret current_password; ///< with a new password, when the account has one
  std::optional<std::string> name;
  json_text user_metadata; ///< a JSON Merge Patch (RFC 7396)
  bool operator==(const update_me_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(update_me_request, (),
                      (email, password, current_password, name, user_metadata))

struct list_sessions_request {
  bool operator==(const list_sessions_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(list_sessions_request, (), ())

struct session_view {
  std::string id; ///< UUID
  std::string object = "session";
  bool current = false;          ///< the one that asks
  std::string method;            ///< how it began, e.g. `password`
  std::string address;           ///< the client's at its begin; may be empty
  std::string user_agent;        ///< likewise
  std::int64_t created_at = 0;   ///< Unix seconds
  std::int64_t refreshed_at = 0; ///< Unix seconds
  std::int64_t expires_at = 0;   ///< Unix seconds
  bool operator==(const session_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(session_view, (),
                      (id, object, current, method, address, user_agent, created_at, refreshed_at,
                       expires_at))

struct session_list {
  std::string object = "list";
  std::vector<session_view> data; ///< newest first
  bool operator==(const session_list&) const = default;
};
BOOST_DESCRIBE_STRUCT(session_list, (), (object, data))

struct revoke_session_request {
  std::string id;
  bool operator==(const revoke_session_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(revoke_session_request, (), (id))

struct deleted_reply {
  std::string id;
  std::string object; ///< `file`, `vector_store.deleted`, `api_key.deleted`, `user.deleted`, …
  bool deleted = true;
  bool operator==(const deleted_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(deleted_reply, (), (id, object, deleted))

/// The public keys that our tokens are checked with, for everyone.
struct jwks_request {
  bool operator==(const jwks_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(jwks_request, (), ())

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
