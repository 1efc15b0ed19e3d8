#pragma once

#include "actors/ports/foreign_tokens.hpp"
#include "actors/ports/http_fetch.hpp"
#include "actors/ports/user_store.hpp"
#include "messages/base/result.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// What this server is to a provider at which people sign in.
struct oidc_client {
  std::string id;        ///< empty: nobody signs in there
  troupe::secret secret; ///< empty: a public client
  std::vector<std::string> scopes;
};

/// Another issuer whose tokens are taken as credentials.
struct foreign_issuer {
  std::string name;                                   ///< the provider of its identities
  std::string issuer;                                 ///< `iss` of its tokens, a URL
  std::shared_ptr<const foreign_verifier> verifier{}; ///< without any public key yet
  bool has_keys = true;   ///< false: a secret is all that its tokens are signed with
  std::string keys_url{}; ///< where its key set is; empty: discovery tells
  bool create_accounts = true;
  std::string role = "user"; ///< of the accounts that are made
  bool require_email_verified = false;
  bool link_by_email = false;
  oidc_client client{};
  std::vector<std::string> audiences{}; ///< whom its tokens may be for
  bool gives_id_tokens = true;          ///< false: access tokens that look like them
};

} // namespace troupe

/// Pure decisions about other issuers, their keys and their users.
namespace troupe::issuer_rules {

/// A small request for JSON to a server of an issuer, within limits::issuer_fetch_timeout.
[[nodiscard]] fetch_request json_request(std::string url);

/// Where OpenID Connect Discovery 1.0 (section 4) has the issuer's metadata.
[[nodiscard]] std::string discovery_url(std::string_view issuer);

/// Whether an issuer's metadata may send us there: to https, or to http when the issuer is there.
[[nodiscard]] bool is_endpoint(std::string_view url, std::string_view issuer) noexcept;

/// The `jwks_uri` of a discovery answer. Errors: `upstream_failed` when it is none, is another
/// issuer's, or leads from https to plain http.
[[nodiscard]] result<std::string> keys_url_of(const fetch_reply& discovery,
                                              std::string_view issuer);

/// How long a key set counts as fresh: its Cache-Control's max-age (RFC 9111, 5.2.2.1) within
/// limits::issuer_keys_age_min and limits::issuer_keys_age_max; the lesser without one.
[[nodiscard]] std::chrono::seconds keys_age(std::string_view cache_control);

/// When a token of an unknown key may make us ask its issuer for keys.
class ask_pause {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit ask_pause(std::chrono::milliseconds length) : length_(length) {}
  [[nodiscard]] bool is_over(time_point now) const { return left(now).count() <= 0; }
  [[nodiscard]] std::chrono::milliseconds left(time_point now) const;
  void begin(time_point now) { until_ = now + length_; }

private:
  std::chrono::milliseconds length_;
  time_point until_{};
};

/// The e-mail that the issuer says it has verified, if it is one that an account may have; else
/// empty.
[[nodiscard]] std::string trusted_email(const foreign_claims& claims);

/// The account that somebody unknown gets, with the e-mail only when it is trusted. Its
/// user_metadata has what GoTrue takes over from a provider.
[[nodiscard]] user_row new_user(const foreign_issuer& from, const foreign_claims& claims);
[[nodiscard]] identity_row new_identity(const foreign_issuer& from, const foreign_claims& claims,
                                        std::string user_id);

/// Whether a token with this trusted e-mail leads to an account that has it already. Not to one
/// that never proved the address, for its owner may have taken a stranger's; nor to an admin, whom
/// no issuer may become.
[[nodiscard]] result<void> may_link(const foreign_issuer& from, const user_row& account);

[[nodiscard]] error email_not_verified();
[[nodiscard]] error no_account();
/// The issuer could not be asked; `wait` tells when it may be again.
[[nodiscard]] error issuer_unreachable(std::chrono::milliseconds wait);

} // namespace troupe::issuer_rules
