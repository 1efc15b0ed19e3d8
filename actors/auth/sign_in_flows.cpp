#include "actors/auth/sign_in_flows.hpp"

#include "actors/auth/auth_rules.hpp"
#include "actors/auth/token_mail.hpp"
#include "actors/support/unix_time.hpp"
#include "messages/base/log.hpp"

namespace troupe {

using account_rules::now_text;
using sign_in_rules::refusal;

namespace {

constexpr const char* yes_or_no(bool value) {
  return value ? "true" : "false";
}

/// Work that nobody waits for any more: the answer went out before it.
void note_unmade(const error& why) {
  log::warn("auth.sign_in_mail_not_made", {{"why", why.message}});
}

sign_in_reply nobody_yet(user_view user) {
  sign_in_reply out;
  out.session.user = std::move(user);
  return out;
}

error email_taken(error why) {
  if (why.code == errc::conflict && why.param == "email") why.reason = "user_already_exists";
  return why;
}

} // namespace

result<sign_in_flows::flow> sign_in_flows::checked_flow(std::string redirect_to,
                                                        std::string challenge,
                                                        std::string method) const {
  auto pkce = pkce_flow::challenge_of(std::move(challenge), std::move(method));
  if (!pkce) return std::unexpected(std::move(pkce.error()));
  return flow{redirect_rules::target(d_.sign_in.redirect, redirect_to), std::move(*pkce)};
}

// sign-up

void sign_in_flows::on(call<sign_up_request>& c, answer<sign_in_reply> a) {
  auto& in = c.body;
  if (!d_.signup_open) return a.fail(auth_rules::signup_closed());
  if (!in.phone.empty()) return a.fail(sign_in_rules::no_phones());
  if (in.email.empty()) {
    const auto op = c.op;
    return may_try(op, {}, [this, c = std::move(c), a = std::move(a)](result<done> may) mutable {
      if (!may) return a.fail(std::move(may.error()));
      sign_up_anonymously(std::move(c), std::move(a));
    });
  }
  if (in.password.value.empty())
    return a.fail(
        refusal(errc::invalid_argument, "validation_failed", "Signup requires a valid password"));
  auto on = checked_flow(in.redirect_to, in.code_challenge, in.code_challenge_method);
  if (!on) return a.fail(std::move(on.error()));
  const auto op = c.op;
  may_try(
      op, {},
      [this, c = std::move(c), on = std::move(*on), a = std::move(a)](result<done> may) mutable {
        if (!may) return a.fail(std::move(may.error()));
        sign_up(std::move(c), std::move(on), std::move(a));
      });
}

void sign_in_flows::sign_up(call<sign_up_request> c, flow on, answer<sign_in_reply> a) {
  auto& in = c.body;
  auto password = std::move(in.password);
  d_.hasher->hash(std::move(password),
                  to_self<std::string>([this, in = std::move(in), on = std::move(on), op = c.op,
                                        a = std::move(a)](result<std::string> hash) mutable {
                    if (!hash) return a.fail(std::move(hash.error()));
                    auto row = account_rules::new_user(std::move(in.email), {}, std::move(*hash),
                                                       !d_.sign_in.confirm_email);
                    row.user_metadata = std::move(in.data);
                    insert(std::move(row), std::move(on), std::move(op), std::move(a));
                  }));
}

void sign_in_flows::sign_up_anonymously(call<sign_up_request> c, answer<sign_in_reply> a) {
  if (!d_.sign_in.anonymous)
    return a.fail(refusal(errc::forbidden, "anonymous_provider_disabled",
                          "Anonymous sign-ins are disabled (auth.anonymous)"));
  auto row = account_rules::new_user({}, {}, {}, false);
  row.anonymous = true;
  row.app_metadata = {};
  row.user_metadata = std::move(c.body.data);
  insert(std::move(row), {}, std::move(c.op), std::move(a));
}

void sign_in_flows::insert(user_row user, flow on, op_context op, answer<sign_in_reply> a) {
  d_.in.users->insert_user(
      user, {},
      to_self<done>([this, user, on = std::move(on), op = std::move(op),
                     a = std::move(a)](result<done> stored) mutable {
        if (stored) return inserted(std::move(user), on, op, std::move(a));
        const auto& why = stored.error();
        if (!d_.sign_in.confirm_email || why.code != errc::conflict || why.param != "email")
          return a.fail(email_taken(std::move(stored.error())));
        // Whoever asks learns nothing; the owner of an unconfirmed account gets the mail again.
        auto view = account_rules::view_of(user, {}, now_text());
        a(nobody_yet(std::move(view)));
        on.password_hash = user.password_hash;
        sign_up_again(user.email, std::move(on));
      }));
}

void sign_in_flows::inserted(user_row user, const flow& on, const op_context& op,
                             answer<sign_in_reply> a) {
  d_.audit({.event = user.anonymous ? "auth.register_anonymous" : "auth.register", .user = user.id},
           op);
  if (d_.sign_in.confirm_email && !user.anonymous) {
    a(nobody_yet(account_rules::view_of(user, {}, now_text())));
    auto email = user.email;
    auto with_password = on;
    with_password.password_hash = user.password_hash;
    return post(mail_kind::confirm_signup, std::move(user), std::move(email),
                std::move(with_password));
  }
  std::string method = user.anonymous ? "anonymous" : "password";
  open_session(std::move(user), std::move(method), op,
               [a = std::move(a)](result<session_reply> session) mutable {
                 if (!session) return a.fail(std::move(session.error()));
                 a(sign_in_reply{std::move(*session), {}});
               });
}

void sign_in_flows::sign_up_again(const std::string& email, flow on) {
  d_.in.users->user_by_email(
      email, to_self<user_row>([this, on = std::move(on)](result<user_row> user) mutable {
        if (!user) return note_unmade(user.error());
        if (!user->email_confirmed_at.empty()) return;
        auto to = user->email;
        post(mail_kind::confirm_signup, std::move(*user), std::move(to), std::move(on));
      }));
}

// mails

void sign_in_flows::on(call<send_mail_request>& c, answer<done> a) {
  auto& in = c.body;
  if (!in.phone.empty()) return a.fail(sign_in_rules::no_phones());
  if (in.email.empty())
    return a.fail(refusal(errc::invalid_argument, "validation_failed", "email: is required"));
  if (!d_.mail) return a.fail(sign_in_rules::no_mails());
  auto on = checked_flow(in.redirect_to, in.code_challenge, in.code_challenge_method);
  if (!on) return a.fail(std::move(on.error()));
  const auto op = c.op;
  may_try(op, {},
          [this, in = std::move(in), on = std::move(*on), op,
           a = std::move(a)](result<done> may) mutable {
            if (!may) return a.fail(std::move(may.error()));
            find_and_mail(std::move(in), std::move(on), op, std::move(a));
          });
}

void sign_in_flows::find_and_mail(send_mail_request in, flow on, const op_context& op,
                                  answer<done> a) {
  auto email = in.email;
  d_.in.users->user_by_email(
      std::move(email), to_self<user_row>([this, in = std::move(in), on = std::move(on), op,
                                           a = std::move(a)](result<user_row> user) mutable {
        if (!user && user.error().code != errc::not_found) return a.fail(std::move(user.error()));
        a(done{}); // before the work, so that its time says nothing of the account
        mail_for(std::move(in), std::move(on), user, op);
      }));
}

void sign_in_flows::mail_for(send_mail_request in, flow on, const result<user_row>& user,
                             const op_context& op) {
  if (!user) {
    const bool may = in.type == "magiclink" && in.create_user && d_.signup_open;
    return may ? mail_newcomer(std::move(in), std::move(on), op) : void();
  }
  if (account_rules::is_banned(*user, now_text())) return;
  if (in.type == "email_change") return mail_email_change_again(*user, std::move(on));
  if (in.type == "signup" && !user->email_confirmed_at.empty()) return;
  d_.audit({.event = "auth.mail_asked", .user = user->id, .more = {{"type", in.type}}}, op);
  if (in.type == "signup") return mail_sign_up_again(*user, std::move(on));
  const auto kind = sign_in_rules::kinds_of(in.type).front();
  post(kind, *user, user->email, std::move(on));
}

/// For the last sign-up that asked, whose password the link confirms.
void sign_in_flows::mail_sign_up_again(const user_row& user, flow on) {
  const std::string stored(sign_in_rules::stored_as(mail_kind::confirm_signup));
  d_.in.one_time->newest(
      stored, user.id,
      to_self<one_time_row>([this, user, on = std::move(on)](result<one_time_row> last) mutable {
        on.password_hash = last ? sign_in_rules::flow_of(*last).password_hash : user.password_hash;
        post(mail_kind::confirm_signup, user, user.email, std::move(on));
      }));
}

/// An account that whoever reads the mail may have.
void sign_in_flows::mail_newcomer(send_mail_request in, flow on, op_context op) {
  auto row = account_rules::new_user(std::move(in.email), {}, {}, false);
  row.user_metadata = std::move(in.data);
  d_.in.users->insert_user(
      row, {}, to_self<done>([this, row, on = std::move(on), op](const result<done>& stored) {
        if (!stored) return note_unmade(stored.error());
        d_.audit({.event = "auth.register", .user = row.id}, op);
        post(mail_kind::magic_link, row, row.email, on);
      }));
}

void sign_in_flows::mail_email_change_again(const user_row& user, flow on) {
  const std::string stored(sign_in_rules::stored_as(mail_kind::email_change));
  d_.in.one_time->newest(
      stored, user.id,
      to_self<one_time_row>([this, user, on = std::move(on)](result<one_time_row> before) mutable {
        if (before && before->expires_at > unix_now())
          post(mail_kind::email_change, user, before->email, std::move(on));
      }));
}

/// Nobody waits for it. Of two at once one is too soon, though the first one's token is not stored.
void sign_in_flows::post(mail_kind kind, user_row user, std::string email, flow on) {
  const auto [posting, is_first] = posting_.emplace(kind, user.id);
  if (!is_first) return;
  unless_too_soon(kind, posting->second,
                  [this, posting, user = std::move(user), email = std::move(email),
                   on = std::move(on)](const result<done>& may) mutable {
                    if (!may) return void(posting_.erase(posting));
                    const auto token = sign_in_rules::make_mail_token(
                        posting->first, user.id, std::move(email), on, *d_.digest, unix_now(),
                        d_.sign_in.token_ttl);
                    send_token_mail(d_, posting->first, token, user,
                                    to_self<done>([this, posting](const result<done>& stored) {
                                      posting_.erase(posting);
                                      if (!stored) note_unmade(stored.error());
                                    }));
                  });
}

void sign_in_flows::unless_too_soon(mail_kind kind, const std::string& user_id,
                                    continuation<done> after) {
  d_.in.one_time->newest(
      std::string(sign_in_rules::stored_as(kind)), user_id,
      to_self<one_time_row>([pause = d_.sign_in.mail_pause.count(),
                             after = std::move(after)](result<one_time_row> last) mutable {
        if (!last && last.error().code != errc::not_found)
          return after(std::unexpected(std::move(last.error())));
        const auto left = last ? last->created_at + pause - unix_now() : 0;
        if (left <= 0) return after(done{});
        auto why = refusal(errc::rate_limited, "over_email_send_rate_limit",
                           "a mail went out a moment ago: wait for " + std::to_string(left) + " s");
        why.retry_after_ms = static_cast<std::uint32_t>(left * 1000);
        after(std::unexpected(std::move(why)));
      }));
}

// settings

void sign_in_flows::on(call<sign_in_settings_request>&, answer<json_reply> a) {
  std::string providers;
  for (const auto& issuer : d_.issuers)
    if (!issuer.client.id.empty()) providers += ",\"" + issuer.name + "\":true";
  json_reply out;
  out.body.raw = std::string(R"({"external":{"email":true,"phone":false,"anonymous_users":)") +
                 yes_or_no(d_.sign_in.anonymous) + providers + R"(},"disable_signup":)" +
                 yes_or_no(!d_.signup_open) + R"(,"mailer_autoconfirm":)" +
                 yes_or_no(!d_.sign_in.confirm_email) +
                 R"(,"phone_autoconfirm":false,"sms_provider":"","saml_enabled":false})";
  a(std::move(out));
}

} // namespace troupe
