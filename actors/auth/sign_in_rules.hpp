#pragma once

#include "actors/auth/mail_templates.hpp"
#include "actors/auth/pkce_flow.hpp"
#include "actors/auth/redirect_rules.hpp"
#include "actors/ports/crypto_ports.hpp"
#include "actors/ports/identity_records.hpp"
#include "actors/ports/user_store.hpp"
#include "messages/auth.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// What the operator says about sign-up and signing in by mail.
struct sign_in_policy {
  redirect_rules::policy redirect;
  std::string public_url;     ///< where clients reach this server, without a `/` at its end
  bool confirm_email = false; ///< nobody signs in with a password before
  bool anonymous = false;     ///< accounts without any proof of who it is
  std::chrono::seconds token_ttl = limits::mail_token_ttl;
  std::chrono::seconds mail_pause = limits::mail_pause; ///< between mails of a kind to an account
};

/// Pure decisions about them. Times are Unix seconds. The reasons of errors are GoTrue's words.
namespace sign_in_rules {

[[nodiscard]] error refusal(errc code, std::string_view reason, std::string message);
[[nodiscard]] error no_phones();
[[nodiscard]] error no_mails();
[[nodiscard]] error bad_token();
[[nodiscard]] error email_not_confirmed();

/// The kind's name in the one_time_store, and what GoTrue calls it in links.
[[nodiscard]] std::string_view stored_as(mail_kind kind) noexcept;
[[nodiscard]] std::string_view type_of(mail_kind kind) noexcept;
/// The kinds that a type of verify_mail_request may mean, likeliest first; empty: no such type.
[[nodiscard]] std::vector<mail_kind> kinds_of(std::string_view type);

/// Where a sign-in goes on, and with which proof.
struct flow {
  std::string redirect_to; ///< checked already; may be empty
  pkce_flow::challenge pkce;
  std::string password_hash = {}; ///< of the sign-up that a mail is for; else empty
};

/// What a mail proves: the row to store, the link's token and the code to type.
struct mail_token {
  one_time_row row;
  std::string link;
  std::string code; ///< six digits
};
[[nodiscard]] mail_token make_mail_token(mail_kind kind, const std::string& user_id,
                                         std::string email, const flow& on, const digests& digest,
                                         std::int64_t now, std::chrono::seconds ttl);
[[nodiscard]] flow flow_of(const one_time_row& row);

/// The URL of a mail: this server's, which sends the browser on.
[[nodiscard]] std::string link_of(const sign_in_policy& in, mail_kind kind, const mail_token& token,
                                  const std::string& redirect_to);

/// Whether `code` is the row's.
[[nodiscard]] bool is_code(const one_time_row& row, std::string_view code, const digests& digest);
/// The row after a wrong code: after limits::mail_code_tries of them only its link counts.
[[nodiscard]] one_time_row after_wrong_code(one_time_row row);

/// What the proof of a mail does to its account. Whoever reads the mail owns the address: a
/// password that was set before anyone had proved to own it is taken away, or gives way to that of
/// the sign-up that the mail is for. Errors: bad_token() when the account has another address by
/// now.
struct proof {
  user_row user;
  bool takes_over = false; ///< all sessions of before must end
};
[[nodiscard]] result<proof> prove(user_row user, const one_time_row& token, std::string now);

/// Makes an account with an e-mail of an anonymous one.
void set_proved_email(user_row& to, std::string email, std::string now);

/// Where a browser is sent: with the session in the fragment, and the type of the link that it
/// followed if it did, or with an error.
[[nodiscard]] std::string location_of(const std::string& to, const session_reply& session,
                                      std::string_view type);
/// `word` is the `error` when another server said it (RFC 6749, 4.1.2.1).
[[nodiscard]] std::string location_of(const std::string& to, const error& why,
                                      std::string_view word = {});

} // namespace sign_in_rules
} // namespace troupe
