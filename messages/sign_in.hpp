#pragma once

#include "messages/auth.hpp"

#include <algorithm>
#include <array>
#include <boost/describe/class.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Messages of sign-up and of signing in by mail or at another provider, of the services `auth` and
/// `accounts`. The names are those of GoTrue's API, which supabase's clients speak
/// (docs/supabase.md).
namespace troupe {

/// Without e-mail and phone: an anonymous account.
struct sign_up_request {
  std::string email;
  std::string phone; ///< refused: there are no text messages here
  secret password;   ///< 8 to 1,024 bytes
  json_text data;    ///< an object: the user_metadata; absent: {}
  std::string redirect_to;
  std::string code_challenge;        ///< PKCE (RFC 7636), 43 to 128 characters; empty: no PKCE
  std::string code_challenge_method; ///< `s256` or `plain`, in either case
  bool operator==(const sign_up_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(sign_up_request, (),
                      (email, phone, password, data, redirect_to, code_challenge,
                       code_challenge_method))

struct sign_in_reply {
  session_reply session; ///< without tokens: nobody is signed in until the e-mail is confirmed
  std::string location;  ///< where the browser goes on; empty: it asked itself
  bool operator==(const sign_in_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(sign_in_reply, (), (session, location))

/// A mail that lets its reader sign in. The answer does not tell whether there is such an account.
struct send_mail_request {
  std::string type; ///< `recovery`, `magiclink`, `signup` or `email_change`
  std::string email;
  std::string phone;       ///< refused
  bool create_user = true; ///< `magiclink`: an account for an unknown e-mail, if sign-up is open
  json_text data;          ///< an object: the user_metadata of that account
  std::string redirect_to;
  std::string code_challenge;
  std::string code_challenge_method;
  bool operator==(const send_mail_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(send_mail_request, (),
                      (type, email, phone, create_user, data, redirect_to, code_challenge,
                       code_challenge_method))

/// What a mail had in it: the link's token, or the code with the e-mail it was sent to.
struct verify_mail_request {
  std::string type;  ///< `signup`, `recovery`, `magiclink`, `email`, `email_change` or `invite`
  secret token;      ///< the code
  secret token_hash; ///< the link's
  std::string email;
  std::string phone; ///< refused
  std::string redirect_to;
  bool by_link = false; ///< a browser asks: the answer, a refusal too, is a `location`
  bool operator==(const verify_mail_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(verify_mail_request, (),
                      (type, token, token_hash, email, phone, redirect_to, by_link))

/// The end of a sign-in with PKCE.
struct exchange_code_request {
  secret auth_code;
  secret code_verifier;
  bool operator==(const exchange_code_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(exchange_code_request, (), (auth_code, code_verifier))

/// What a client may tell a provider through us: what OpenID Connect Core 1.0 (3.1.2.1) and
/// well-known providers have for the form, and nothing that this server decides.
inline constexpr std::array<std::string_view, 11> provider_hints{
    "prompt",      "login_hint", "max_age",     "ui_locales",  "acr_values",       "display",
    "access_type", "hd",         "domain_hint", "screen_hint", "identity_provider"};

[[nodiscard]] constexpr bool is_provider_hint(std::string_view name) noexcept {
  return std::ranges::find(provider_hints, name) != provider_hints.end();
}

/// The begin of a sign-in at another OpenID Connect provider; the answer's `location` leads there.
struct authorize_request {
  std::string provider; ///< the issuer's name in the settings
  std::string redirect_to;
  std::string scopes; ///< beside those of the settings, with blanks between them
  std::string code_challenge;
  std::string code_challenge_method;
  std::vector<std::string> hints; ///< `name=value`, not encoded, of provider_hints
  bool operator==(const authorize_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(authorize_request, (),
                      (provider, redirect_to, scopes, code_challenge, code_challenge_method, hints))

/// What the provider sends the browser back with (OpenID Connect Core 1.0, 3.1.2.5). The answer is
/// a `location`, a refusal's as well.
struct provider_callback_request {
  std::string provider;
  secret code;
  secret state;
  std::string iss; ///< RFC 9207; may be empty
  std::string error;
  std::string error_description;
  bool operator==(const provider_callback_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(provider_callback_request, (),
                      (provider, code, state, iss, error, error_description))

/// A client has an id token of a provider, and wants a session for it.
struct id_token_request {
  std::string provider;
  secret id_token;
  secret nonce; ///< the token's is its SHA-256, hex; empty: the token has none
  bool operator==(const id_token_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(id_token_request, (), (provider, id_token, nonce))

/// What is absent stays as it is. A new e-mail counts once it is confirmed.
struct change_account_request {
  std::optional<std::string> email;
  std::string phone; ///< refused
  secret password;
  json_text data; ///< a JSON Merge Patch (RFC 7396) of the user_metadata
  std::string redirect_to;
  std::string code_challenge;
  std::string code_challenge_method;
  bool operator==(const change_account_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(change_account_request, (),
                      (email, phone, password, data, redirect_to, code_challenge,
                       code_challenge_method))

/// What a client should know before it shows a form; as GoTrue's GET /settings.
struct sign_in_settings_request {
  bool operator==(const sign_in_settings_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(sign_in_settings_request, (), ())

/// For admins: the link and the code that a mail would have, or that mail.
struct make_link_request {
  std::string type; ///< `signup`, `invite`, `magiclink`, `recovery` or `email_change_new`
  std::string email;
  std::string new_email; ///< of `email_change_new`
  secret password;       ///< of `signup`
  json_text data;        ///< an object: the user_metadata of a new account
  std::string redirect_to;
  bool send = false;
  bool operator==(const make_link_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(make_link_request, (),
                      (type, email, new_email, password, data, redirect_to, send))

struct link_reply {
  user_view user;
  std::string action_link;
  std::string email_otp;    ///< the code
  std::string hashed_token; ///< the link's token
  std::string redirect_to;
  std::string verification_type;
  bool operator==(const link_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(link_reply, (),
                      (user, action_link, email_otp, hashed_token, redirect_to, verification_type))

/// A user as an admin writes it in GoTrue's words: create_user_request and update_user_request.
struct admin_user_body {
  std::optional<std::string> email;
  std::string phone; ///< refused
  secret password;
  std::optional<bool> email_confirm;
  json_text user_metadata;
  json_text app_metadata;
  std::string ban_duration; ///< `none`, or a Go duration: `24h`, `1h30m`
  bool operator==(const admin_user_body&) const = default;
};
BOOST_DESCRIBE_STRUCT(admin_user_body, (),
                      (email, phone, password, email_confirm, user_metadata, app_metadata,
                       ban_duration))

} // namespace troupe
