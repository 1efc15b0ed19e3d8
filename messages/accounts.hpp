#pragma once

#include "messages/auth.hpp"

#include <boost/describe/class.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Messages of the service `accounts`: what admins do with users, caps and signing keys, and
/// organisations.
namespace troupe {

// ---- users

struct list_users_request {
  std::string q; ///< a part of the e-mail or the name, in either case
  std::uint32_t offset = 0;
  std::uint32_t limit = 50; ///< 1 to 1,000
  bool operator==(const list_users_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(list_users_request, (), (q, offset, limit))

struct user_list {
  std::string object = "list";
  std::vector<user_view> data; ///< oldest first, without identities
  std::uint64_t total = 0;     ///< of all pages
  bool has_more = false;
  bool operator==(const user_list&) const = default;
};
BOOST_DESCRIBE_STRUCT(user_list, (), (object, data, total, has_more))

struct create_user_request {
  std::string email;
  secret password; ///< absent: no sign-in with a password
  std::string name;
  std::string account_role = "user"; ///< `user`, `viewer` or `admin`
  bool email_confirmed = true;
  json_text app_metadata;  ///< an object; absent: {}
  json_text user_metadata; ///< an object; absent: {}
  bool operator==(const create_user_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(create_user_request, (),
                      (email, password, name, account_role, email_confirmed, app_metadata,
                       user_metadata))

struct get_user_request {
  std::string id;
  bool operator==(const get_user_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(get_user_request, (), (id))

/// What is absent stays as it is.
struct update_user_request {
  std::string id;
  std::optional<std::string> email;
  secret password;
  std::optional<std::string> name;
  std::optional<std::string> account_role;
  std::optional<bool> email_confirmed;
  std::optional<std::int64_t> banned_for; ///< seconds from now; 0: lifted
  json_text app_metadata;                 ///< a JSON Merge Patch (RFC 7396)
  json_text user_metadata;                ///< likewise
  bool operator==(const update_user_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(update_user_request, (),
                      (id, email, password, name, account_role, email_confirmed, banned_for,
                       app_metadata, user_metadata))

/// With all that the user owns: sessions, keys, memberships, files, stores, conversations, logs.
struct delete_user_request {
  std::string id;
  bool operator==(const delete_user_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(delete_user_request, (), (id))

/// A row of another program's users table.
struct import_user {
  std::string id; ///< a UUID that is kept while it is free; absent: a new one
  std::string email;
  secret password_hash; ///< as the other program stored it; absent: no sign-in with a password
  std::optional<std::string> name;
  std::optional<std::string> account_role; ///< `user`, `viewer` or `admin`; absent: `user`
  bool active = true;                      ///< false: banned until somebody lifts it
  bool email_confirmed = true;
  std::string created_at;  ///< RFC 3339; absent: now
  json_text user_metadata; ///< an object; absent: {}
  bool operator==(const import_user&) const = default;
};
BOOST_DESCRIBE_STRUCT(import_user, (),
                      (id, email, password_hash, name, account_role, active, email_confirmed,
                       created_at, user_metadata))

/// Each row succeeds or fails alone. An account whose e-mail is there is left alone, unless
/// `update`: then it takes the row's name, role and metadata (as a merge patch), and its password
/// where it has none.
struct import_users_request {
  std::vector<import_user> users; ///< 1 to limits::import_users
  bool update = false;
  bool dry_run = false; ///< say what would be done, and do nothing
  bool operator==(const import_users_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(import_users_request, (), (users, update, dry_run))

struct import_outcome {
  std::string status;               ///< `created`, `exists`, `updated` or `failed`
  std::string id;                   ///< the account's; empty: none was made
  std::optional<std::string> param; ///< failed: the field
  std::optional<std::string> reason;
  bool operator==(const import_outcome&) const = default;
};
BOOST_DESCRIBE_STRUCT(import_outcome, (), (status, id, param, reason))

struct import_users_reply {
  std::string object = "list";
  std::vector<import_outcome> data; ///< one a row, in their order
  bool operator==(const import_users_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(import_users_reply, (), (object, data))

/// Signs a user out everywhere.
struct end_sessions_request {
  std::string id; ///< the user's
  bool operator==(const end_sessions_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(end_sessions_request, (), (id))

// ---- signing keys

struct list_signing_keys_request {
  bool operator==(const list_signing_keys_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(list_signing_keys_request, (), ())

/// A new key signs from now on; the old ones verify until the last token of theirs has expired.
struct rotate_signing_key_request {
  bool operator==(const rotate_signing_key_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(rotate_signing_key_request, (), ())

struct signing_key_view {
  std::string id;
  std::string object = "signing_key";
  std::string alg;                        ///< `EdDSA`, `ES256` or `RS256`
  std::int64_t created_at = 0;            ///< Unix seconds
  std::optional<std::int64_t> retires_at; ///< Unix seconds; absent: it signs
  bool operator==(const signing_key_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(signing_key_view, (), (id, object, alg, created_at, retires_at))

struct signing_key_list {
  std::string object = "list";
  std::vector<signing_key_view> data; ///< newest first
  bool operator==(const signing_key_list&) const = default;
};
BOOST_DESCRIBE_STRUCT(signing_key_list, (), (object, data))

// ---- caps

/// What a user, an API key or an organisation may use at most; 0: no cap.
struct put_caps_request {
  std::string subject; ///< `user:<id>`, `key:<id>` or `org:<id>`
  std::int64_t requests_per_minute = 0;
  std::int64_t tokens_per_minute = 0;
  std::int64_t streams = 0; ///< at the same time
  double usd_per_day = 0;   ///< to the millionth
  bool operator==(const put_caps_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(put_caps_request, (),
                      (subject, requests_per_minute, tokens_per_minute, streams, usd_per_day))

struct get_caps_request {
  std::string subject;
  bool operator==(const get_caps_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(get_caps_request, (), (subject))

struct caps_view {
  std::string subject;
  std::string object = "caps";
  std::int64_t requests_per_minute = 0;
  std::int64_t tokens_per_minute = 0;
  std::int64_t streams = 0;
  double usd_per_day = 0;
  bool operator==(const caps_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(caps_view, (),
                      (subject, object, requests_per_minute, tokens_per_minute, streams,
                       usd_per_day))

// ---- organisations

struct create_organization_request {
  std::string name; ///< 1 to 200 bytes
  bool operator==(const create_organization_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(create_organization_request, (), (name))

struct organization_view {
  std::string id; ///< `org_…`
  std::string object = "organization";
  std::string name;
  std::string role;            ///< the caller's: `owner`, `admin` or `member`; empty: none
  std::int64_t created_at = 0; ///< Unix seconds
  bool operator==(const organization_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(organization_view, (), (id, object, name, role, created_at))

struct list_organizations_request {
  bool all = false; ///< admins: not only those that the caller is a member of
  bool operator==(const list_organizations_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(list_organizations_request, (), (all))

struct organization_list {
  std::string object = "list";
  std::vector<organization_view> data; ///< oldest first
  bool operator==(const organization_list&) const = default;
};
BOOST_DESCRIBE_STRUCT(organization_list, (), (object, data))

struct get_organization_request {
  std::string id;
  bool operator==(const get_organization_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(get_organization_request, (), (id))

struct update_organization_request {
  std::string id;
  std::string name;
  bool operator==(const update_organization_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(update_organization_request, (), (id, name))

struct delete_organization_request {
  std::string id;
  bool operator==(const delete_organization_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(delete_organization_request, (), (id))

struct member_view {
  std::string user_id;
  std::string object = "organization.member";
  std::string email;
  std::string role; ///< `owner`, `admin` or `member`
  std::int64_t created_at = 0;
  bool operator==(const member_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(member_view, (), (user_id, object, email, role, created_at))

struct list_members_request {
  std::string id; ///< the organisation's
  bool operator==(const list_members_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(list_members_request, (), (id))

struct member_list {
  std::string object = "list";
  std::vector<member_view> data; ///< oldest first
  bool operator==(const member_list&) const = default;
};
BOOST_DESCRIBE_STRUCT(member_list, (), (object, data))

/// Adds the member or changes its role.
struct put_member_request {
  std::string id; ///< the organisation's
  std::string user_id;
  std::string role = "member";
  bool operator==(const put_member_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(put_member_request, (), (id, user_id, role))

struct remove_member_request {
  std::string id; ///< the organisation's
  std::string user_id;
  bool operator==(const remove_member_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(remove_member_request, (), (id, user_id))

} // namespace troupe
