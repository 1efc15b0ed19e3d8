#pragma once

#include "messages/base/op_context.hpp"
#include "messages/base/reply.hpp"
#include "messages/base/values.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// The small stores of the accounts. As user_store.hpp says.
namespace troupe {

/// Something that proves once who its bearer is: sent by mail, or handed over between two requests
/// of one sign-in.
struct one_time_row {
  std::string hash; ///< SHA-256 of the token, hex
  std::string kind; ///< `recovery`, `confirm`, `magic_link`, `email_change`, `pkce_code`, …
  std::string user_id;
  std::string email; ///< that it was sent to; may be empty
  json_text extra;   ///< what the next request needs; at most 8 KiB
  std::int64_t created_at = 0;
  std::int64_t expires_at = 0; ///< Unix seconds
};

class one_time_store {
public:
  virtual ~one_time_store() = default;
  /// With `only_one`, earlier ones of this user and kind go.
  virtual void put(one_time_row row, bool only_one, reply<done> answer) = 0;
  /// Takes it out: of many who ask at once, one gets it. Expired at `now` is `not_found`.
  virtual void take(std::string kind, std::string hash, std::int64_t now,
                    reply<one_time_row> answer) = 0;
  /// The newest of this user and kind, to know when the last mail went out.
  virtual void newest(std::string kind, std::string user_id, reply<one_time_row> answer) = 0;
  virtual void drop_expired(std::int64_t now, reply<std::int64_t> answer) = 0;
};

using caps_row = usage_caps;

class caps_store {
public:
  virtual ~caps_store() = default;
  /// A row without any cap is deleted.
  virtual void put_caps(caps_row row, reply<done> answer) = 0;
  /// Those that have any, in no order. At most 8 subjects.
  virtual void caps_of(std::vector<std::string> subjects, reply<std::vector<caps_row>> answer) = 0;
};

struct signing_key_row {
  std::string kid;
  std::string alg;             ///< `EdDSA`, `ES256` or `RS256`
  secret key;                  ///< in the form of adapters/crypto
  std::int64_t created_at = 0; ///< Unix seconds
  std::int64_t retires_at = 0; ///< Unix seconds after which it verifies nothing; 0: in use
};

class secret_store {
public:
  virtual ~secret_store() = default;
  /// The stored value of a named secret of the installation; `candidate` is stored and answered
  /// when there is none yet.
  virtual void installation_secret(std::string name, std::string candidate,
                                   reply<std::string> answer) = 0;
  /// Not retired at `now`, newest first, at most 32.
  virtual void signing_keys(std::int64_t now, reply<std::vector<signing_key_row>> answer) = 0;
  /// Stores the key; those of before without an end retire at `others_retire_at`.
  virtual void add_signing_key(signing_key_row row, std::int64_t others_retire_at,
                               reply<done> answer) = 0;
};

} // namespace troupe
