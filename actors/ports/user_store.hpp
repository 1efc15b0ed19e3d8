#pragma once

#include "messages/base/reply.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

struct user_row {
  std::string id;    ///< UUID
  std::string email; ///< as given; unique by its lower-case form
  std::string name;
  std::string password_hash; ///< empty: cannot log in with a password
  bool admin = false;
  std::string created_at; ///< RFC 3339, UTC
};

/// One sign-in: a family of refresh tokens of which only the newest counts.
struct session_row {
  std::string id; ///< UUID, the `sid` claim
  std::string user_id;
  std::string refresh_hash;    ///< SHA-256 of the current refresh token, hex
  std::int64_t rotated_at = 0; ///< Unix milliseconds
  std::int64_t expires_at = 0; ///< Unix seconds
  bool revoked = false;
  /// Only of session_by_refresh: when the token that was asked for was rotated away, in Unix
  /// milliseconds; 0: it is current.
  std::int64_t spent_at = 0;
};

/// Accounts and sessions, kept durably: a reply comes after the commit. Asynchronous; replies come
/// on a thread of the adapter. Errors: `not_found`, `conflict`, `unavailable` (the store is down or
/// its queue of limits::store_queue jobs is full). Calls from one thread are done in their order.
class user_store {
public:
  virtual ~user_store() = default;

  /// `conflict` when the e-mail is taken (compared in lower case).
  virtual void insert_user(user_row row, reply<done> answer) = 0;
  virtual void user_by_email(std::string email, reply<user_row> answer) = 0;
  virtual void user_by_id(std::string id, reply<user_row> answer) = 0;
  /// The oldest admin; `not_found` in an empty store.
  virtual void first_admin(reply<user_row> answer) = 0;

  virtual void insert_session(session_row row, reply<done> answer) = 0;
  virtual void session_by_id(std::string id, reply<session_row> answer) = 0;
  /// Finds the session of a refresh token, current or spent (row.spent_at says which).
  virtual void session_by_refresh(std::string refresh_hash, reply<session_row> answer) = 0;
  /// `next` becomes current and `current` is kept as spent at `now` (Unix milliseconds), if
  /// `current` is still current; else `conflict`.
  virtual void rotate(std::string session_id, std::string current, std::string next,
                      std::int64_t now, std::int64_t expires_at, reply<done> answer) = 0;
  virtual void revoke_session(std::string session_id, reply<done> answer) = 0;

  /// The stored value of a named secret of the installation (the token signing key); `candidate` is
  /// stored and answered when there is none yet.
  virtual void installation_secret(std::string name, std::string candidate,
                                   reply<std::string> answer) = 0;
};

struct api_key_row {
  std::string id; ///< `key_…`
  std::string user_id;
  std::string name;
  std::string hash; ///< SHA-256 of the key, hex
  std::string hint;
  std::int64_t created_at = 0; ///< Unix seconds
  bool revoked = false;
};

/// API keys. As user_store.
class api_key_store {
public:
  virtual ~api_key_store() = default;
  virtual void insert_key(api_key_row row, reply<done> answer) = 0;
  /// Revoked keys are `not_found`.
  virtual void key_by_hash(std::string hash, reply<api_key_row> answer) = 0;
  /// Not revoked ones, newest first, at most 1,000.
  virtual void list_keys(std::string user_id, reply<std::vector<api_key_row>> answer) = 0;
  /// `not_found` when it is not this user's or is revoked already.
  virtual void revoke_key(std::string user_id, std::string id, reply<done> answer) = 0;
};

} // namespace troupe
