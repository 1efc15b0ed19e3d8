#pragma once

#include "actors/auth/issuer_rules.hpp"
#include "actors/auth/sign_in_rules.hpp"
#include "actors/ports/http_fetch.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Signing in at another provider by OpenID Connect Core 1.0's authorization code flow (3.1), with
/// PKCE (RFC 7636) towards the provider. Pure but for random texts.
namespace troupe::oidc_rules {

/// How a sign-in that is under way is kept in the one_time_store, under the hash of its `state`.
inline constexpr std::string_view state_kind = "provider_sign_in";
/// How a session began, as GoTrue calls it.
inline constexpr std::string_view session_method = "oauth";

/// What is needed of the provider's discovery document (OpenID Connect Discovery 1.0, 3).
struct provider_metadata {
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string userinfo_endpoint;     ///< empty: it has none
  bool wants_secret_in_form = false; ///< client_secret_post; else client_secret_basic
  bool tells_issuer = false;         ///< its callbacks carry `iss` (RFC 9207)
};
/// Errors: `unavailable`; `upstream_failed` when the document is none, is another issuer's, or
/// leads from https to plain http.
[[nodiscard]] result<provider_metadata> metadata_of(const fetch_reply& discovery,
                                                    std::string_view issuer);

/// A sign-in between authorize and callback.
struct pending_sign_in {
  std::string provider;
  sign_in_rules::flow on; ///< where it goes on here
  std::string state;      ///< proves that a callback belongs to it; only its hash is stored
  std::string nonce;      ///< proves that an id token belongs to it
  std::string verifier;   ///< proves to the provider that the code is ours (RFC 7636)
};
[[nodiscard]] pending_sign_in begin(std::string provider, sign_in_rules::flow on,
                                    const digests& digest);
[[nodiscard]] one_time_row row_of(const pending_sign_in& in, const digests& digest,
                                  std::int64_t now);
/// Without the state.
[[nodiscard]] pending_sign_in pending_of(const one_time_row& row);

/// Where the browser asks the provider. `more_scopes` are beside the client's own.
[[nodiscard]] std::string authorization_url(const provider_metadata& at, const oidc_client& client,
                                            const std::string& redirect_uri,
                                            const pending_sign_in& in, std::string_view more_scopes,
                                            const std::vector<std::string>& hints,
                                            const digests& digest);

/// Asks for the tokens of a code (RFC 6749, 4.1.3).
[[nodiscard]] fetch_request token_request(const provider_metadata& at, const oidc_client& client,
                                          const std::string& redirect_uri, const std::string& code,
                                          const std::string& verifier);
struct provider_tokens {
  std::string id_token;
  std::string access_token; ///< for the userinfo endpoint; may be empty
};
/// Errors: `forbidden` when the provider refuses the code, `upstream_failed`.
[[nodiscard]] result<provider_tokens> tokens_of(const fetch_reply& answer);

/// What makes a token that the issuer signed the token of this sign-in (3.1.3.7): it is for the
/// client, and has the nonce. Errors: `forbidden`.
[[nodiscard]] result<void> check_id_token(const foreign_claims& claims, std::string_view client_id,
                                          std::string_view nonce);
/// What makes a token that a client brings an id token: nothing marks it as an access token, whose
/// bearer may be a server in between; it was given to one of the audiences; and its nonce is the
/// digest of the one that the client tells, or neither is there. Errors: `unauthenticated`.
[[nodiscard]] result<void> check_brought_token(const foreign_claims& claims,
                                               const std::vector<std::string>& audiences,
                                               const std::string& nonce, const digests& digest);

/// Asks for what a thin id token leaves out (5.3).
[[nodiscard]] fetch_request userinfo_request(const provider_metadata& at,
                                             const std::string& access_token);
/// The claims with what the answer says of the same subject. Errors: `upstream_failed`.
[[nodiscard]] result<foreign_claims> with_userinfo(foreign_claims claims,
                                                   const fetch_reply& answer);

[[nodiscard]] error unsupported_provider(std::string_view name);
[[nodiscard]] error no_id_tokens(std::string_view name);
/// At most so many bytes of a text of others, and no part of a character (UTF-8).
[[nodiscard]] std::string_view first_of(std::string_view text, std::size_t bytes);
[[nodiscard]] error bad_state();
/// What the provider's own refusal becomes; of its description the first 256 bytes.
[[nodiscard]] error refused_by_provider(std::string_view code, std::string_view description);
[[nodiscard]] error admin_not_allowed();

} // namespace troupe::oidc_rules
