#pragma once

#include "actors/ports/account_stores.hpp"
#include "actors/ports/crypto_ports.hpp"
#include "messages/api_keys.hpp"
#include "messages/auth.hpp"
#include "messages/base/op_context.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Pure decisions of the services auth and keys. Times are Unix seconds unless a name says more.
namespace troupe::auth_rules {

inline constexpr std::string_view key_prefix = "tr-";

[[nodiscard]] bool is_api_key(std::string_view credential) noexcept;

/// What a refresh token that found its session means.
enum class refresh_verdict : std::uint8_t {
  rotate, ///< the current token: rotate
  reuse,  ///< spent inside the reuse window: rotate again, a client raced itself
  stolen, ///< spent earlier: revoke the family
  dead,   ///< expired or revoked
};
[[nodiscard]] refresh_verdict judge_refresh(const session_row& session,
                                            std::int64_t now_ms) noexcept;

[[nodiscard]] api_key_view view_of(const api_key_row& row);
[[nodiscard]] session_view view_of(const session_row& row, std::string_view current);

/// The caller that a user is with these scopes; an admin whose scopes lack `admin` is none.
[[nodiscard]] caller caller_of(const user_row& user, std::vector<std::string> scopes);

/// Whose caps a caller is held to: the user's, the key's and the organization's.
[[nodiscard]] std::vector<std::string> capped_subjects(const caller& who);

/// Holds the caller to these caps, and to `defaults` when its user has none of its own.
void hold_to(caller& who, std::vector<usage_caps> caps, const usage_caps& defaults);

/// A fresh key of a user: the row to store and the text to show once.
struct new_key {
  api_key_row row;
  std::string text;
};
[[nodiscard]] new_key make_key(std::string user_id, std::string name, const digests& digest,
                               std::int64_t now);

/// The tokens of one rotation.
struct issued {
  std::string refresh_token;
  std::string refresh_hash;
  session_reply reply; ///< without its user
};
[[nodiscard]] issued issue(const user_row& user, const std::string& session_id,
                           const token_signer& signer, const digests& digest, std::int64_t now);

[[nodiscard]] error wrong_credentials();
[[nodiscard]] error signup_closed();
[[nodiscard]] error unknown_credential();
[[nodiscard]] error session_gone();
[[nodiscard]] error dead_refresh_token();
[[nodiscard]] error spent_refresh_token();
/// Sign-up without a confirmed e-mail, where one is wanted.
[[nodiscard]] error confirmation_wanted();
[[nodiscard]] error banned();

} // namespace troupe::auth_rules
