#pragma once

#include "messages/base/reply.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

/// One sign-in: a family of refresh tokens of which only the newest counts.
struct session_row {
  std::string id; ///< UUID, the `sid` claim
  std::string user_id;
  std::string refresh_hash;    ///< SHA-256 of the current refresh token, hex
  std::int64_t rotated_at = 0; ///< Unix milliseconds
  std::int64_t expires_at = 0; ///< Unix seconds
  bool revoked = false;
  std::int64_t created_at = 0; ///< Unix seconds
  std::string method;          ///< how it began: `password`, `otp`, `anonymous`, `oauth`, …
  std::string address;         ///< the client's at its begin, may be empty
  std::string user_agent;      ///< likewise, at most 255 bytes
  /// Only of session_by_refresh: when the token that was asked for was rotated away, in Unix
  /// milliseconds; 0: it is current.
  std::int64_t spent_at = 0;
};

/// Sessions. As user_store.hpp says.
class session_store {
public:
  virtual ~session_store() = default;
  virtual void insert_session(session_row row, reply<done> answer) = 0;
  virtual void session_by_id(std::string id, reply<session_row> answer) = 0;
  /// Finds the session of a refresh token, current or spent (row.spent_at says which).
  virtual void session_by_refresh(std::string refresh_hash, reply<session_row> answer) = 0;
  /// `next` becomes current and `current` is kept as spent at `now` (Unix milliseconds), if
  /// `current` is still current; else `conflict`.
  virtual void rotate(std::string session_id, std::string current, std::string next,
                      std::int64_t now, std::int64_t expires_at, reply<done> answer) = 0;
  /// Neither revoked nor expired at `now` (Unix seconds), newest first, at most 1,000.
  virtual void list_sessions(std::string user_id, std::int64_t now,
                             reply<std::vector<session_row>> answer) = 0;
  /// Of this user; `not_found` when it is not theirs. One that is revoked stays so.
  virtual void revoke_session(std::string user_id, std::string id, reply<done> answer) = 0;
  /// All of the user but `except` (empty: all); answers the ids of those that were alive.
  virtual void revoke_sessions(std::string user_id, std::string except,
                               reply<std::vector<std::string>> answer) = 0;
  /// Forgets sessions that expired before `now` (Unix seconds) with their spent tokens, at most
  /// 1,000 a call; answers how many.
  virtual void drop_expired(std::int64_t now, reply<std::int64_t> answer) = 0;
};

} // namespace troupe
