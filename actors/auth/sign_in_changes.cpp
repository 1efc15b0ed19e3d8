#include "actors/auth/sign_in_flows.hpp"
#include "actors/auth/token_mail.hpp"
#include "actors/support/unix_time.hpp"
#include "messages/codec/chat_json.hpp"

#include <utility>

/// Changes of one's own account, in GoTrue's way: the session alone allows them.
namespace troupe {

using account_rules::now_text;
using sign_in_rules::refusal;

void sign_in_flows::on(call<change_account_request>& c, answer<user_view> a) {
  auto& in = c.body;
  if (c.op.who.session.empty())
    return a.fail(refusal(errc::forbidden, "no_authorization",
                          "this needs an access token: an API key may not change its owner so"));
  if (!in.phone.empty()) return a.fail(sign_in_rules::no_phones());
  auto on = checked_flow(in.redirect_to, in.code_challenge, in.code_challenge_method);
  if (!on) return a.fail(std::move(on.error()));
  auto what = std::make_shared<change>();
  what->in = std::move(in);
  what->op = c.op;
  what->on = std::move(*on);
  d_.in.users->user_by_id(
      c.op.who.user,
      to_self<user_row>([this, what, a = std::move(a)](result<user_row> user) mutable {
        if (!user) return a.fail(std::move(user.error()));
        change_with(std::move(what), *user, std::move(a));
      }));
}

void sign_in_flows::change_with(std::shared_ptr<change> what, const user_row& user,
                                answer<user_view> a) {
  const auto& in = what->in;
  what->new_email = in.email && *in.email != user.email;
  what->must_prove = what->new_email && d_.sign_in.confirm_email;
  if (user.anonymous && !in.password.value.empty() && !in.email)
    return a.fail(refusal(errc::invalid_argument, "validation_failed",
                          "Updating password of an anonymous user without an email or phone is "
                          "not allowed"));
  if (!what->must_prove) return hash_and_change(std::move(what), std::move(a));
  unless_too_soon(mail_kind::email_change, user.id,
                  [this, what = std::move(what), a = std::move(a)](result<done> may) mutable {
                    if (!may) return a.fail(std::move(may.error()));
                    hash_and_change(std::move(what), std::move(a));
                  });
}

void sign_in_flows::hash_and_change(std::shared_ptr<change> what, answer<user_view> a) {
  if (what->in.password.value.empty()) return store_change(what, std::move(a));
  auto password = std::move(what->in.password);
  d_.hasher->hash(std::move(password),
                  to_self<std::string>([this, what = std::move(what),
                                        a = std::move(a)](result<std::string> hash) mutable {
                    if (!hash) return a.fail(std::move(hash.error()));
                    what->hash = std::move(*hash);
                    store_change(what, std::move(a));
                  }));
}

void sign_in_flows::store_change(const std::shared_ptr<change>& what, answer<user_view> a) {
  change_user(
      what->op.who.user,
      [what](user_row& row) -> result<void> {
        if (!what->hash.empty()) row.password_hash = what->hash;
        if (what->new_email && !what->must_prove)
          sign_in_rules::set_proved_email(row, *what->in.email, now_text());
        update_me_request own;
        own.user_metadata = what->in.data;
        return account_rules::apply(own, row);
      },
      [this, what, a = std::move(a)](result<user_row> row) mutable {
        if (!row) return a.fail(std::move(row.error()));
        changed(*what, std::move(*row), std::move(a));
      });
}

/// With a new password all other sessions end: whoever knew the old one may hold one.
void sign_in_flows::changed(const change& what, user_row user, answer<user_view> a) {
  const bool password = !what.hash.empty();
  d_.audit({.event = password ? "auth.password_changed" : "auth.account_changed", .user = user.id},
           what.op);
  if (what.must_prove) post(mail_kind::email_change, user, *what.in.email, what.on);
  if (!password) return show(std::move(user), std::move(a));
  if (!what.must_prove) end_mail_tokens(user.id);
  end_sessions_and_show(std::move(user), what.op.who.session, std::move(a));
}

} // namespace troupe
