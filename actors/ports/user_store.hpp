#pragma once

#include "messages/base/reply.hpp"
#include "messages/base/values.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// What all stores of the accounts share: they are asynchronous and durable (a reply comes after
/// the commit), replies come on a thread of the adapter. Errors: `not_found`, `conflict`,
/// `unavailable` (the store is down), `overloaded` (limits::store_queue jobs wait). Calls from one
/// thread are done in their order. Times in RFC 3339 are UTC with microseconds, so that they sort
/// as text; empty means never.
namespace troupe {

/// E-mail addresses are compared in lower case (ASCII, as mail systems do).
[[nodiscard]] inline std::string email_key(std::string email) {
  for (auto& c : email)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return email;
}

struct user_row {
  std::string id;    ///< UUID
  std::string email; ///< as given, unique by its lower-case form; empty: an anonymous account
  std::string name;
  std::string password_hash;      ///< empty: cannot log in with a password
  std::string role = "user";      ///< `user`, `viewer` or `admin`
  bool anonymous = false;         ///< made without any proof of who it is
  std::string created_at;         ///< RFC 3339
  std::string updated_at;         ///< RFC 3339; changes with every replace_user
  std::string last_sign_in_at;    ///< RFC 3339
  std::string email_confirmed_at; ///< RFC 3339; empty: not confirmed
  std::string banned_until;       ///< RFC 3339; a time past it: not banned
  json_text app_metadata;         ///< an object, written by the server; empty: {}
  json_text user_metadata;        ///< an object, written by the user; empty: {}
};

/// An account at another issuer that leads to a user of ours.
struct identity_row {
  std::string provider; ///< its configured name, at most 64 bytes
  std::string subject;  ///< the issuer's own id of the user, at most 255 bytes
  std::string user_id;
  json_text data;              ///< the claims that came with it
  std::string created_at;      ///< RFC 3339
  std::string last_sign_in_at; ///< RFC 3339
};

struct user_query {
  std::string text;         ///< part of the e-mail or the name, in either case; empty: all
  std::uint32_t offset = 0; ///< rows passed over
  std::uint32_t limit = 50; ///< 1 to 1,000
};
struct user_page {
  std::vector<user_row> rows; ///< oldest first
  std::uint64_t total = 0;    ///< of all pages
};

class user_store {
public:
  virtual ~user_store() = default;

  /// With its identities, or not at all. `conflict` with param `email` when the e-mail is taken
  /// (compared in lower case), without it when an identity is.
  virtual void insert_user(user_row row, std::vector<identity_row> identities,
                           reply<done> answer) = 0;
  virtual void user_by_email(std::string email, reply<user_row> answer) = 0;
  virtual void user_by_id(std::string id, reply<user_row> answer) = 0;
  /// The oldest admin; `not_found` in an empty store.
  virtual void first_admin(reply<user_row> answer) = 0;
  virtual void list_users(user_query query, reply<user_page> answer) = 0;

  /// Replaces every field but id, created_at and last_sign_in_at, if the stored row has still
  /// `expected_updated_at`; else `conflict`: read it and try again. `conflict` with param `email`
  /// as of insert_user. `not_found` when it was deleted.
  virtual void replace_user(user_row row, std::string expected_updated_at, reply<done> answer) = 0;
  virtual void touch_sign_in(std::string id, std::string at, reply<done> answer) = 0;
  /// With its sessions, API keys, identities, memberships, one-time tokens and caps. Deleting one
  /// that is gone is done as well.
  virtual void delete_user(std::string id, reply<done> answer) = 0;
};

class identity_store {
public:
  virtual ~identity_store() = default;
  /// `conflict` when this subject of the provider is known.
  virtual void insert_identity(identity_row row, reply<done> answer) = 0;
  virtual void identity(std::string provider, std::string subject, reply<identity_row> answer) = 0;
  /// Oldest first, at most 100.
  virtual void identities_of(std::string user_id, reply<std::vector<identity_row>> answer) = 0;
};

} // namespace troupe
