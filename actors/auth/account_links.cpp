#include "actors/auth/account_links.hpp"

#include "actors/auth/token_mail.hpp"
#include "actors/support/unix_time.hpp"

#include <utility>

namespace troupe {

using account_rules::now_text;
using sign_in_rules::refusal;

namespace {

error email_exists() {
  auto why = refusal(errc::conflict, "email_exists",
                     "A user with this email address has already been registered");
  why.param = "email";
  return why;
}

mail_kind kind_of(std::string_view type) {
  return type == "email_change_new" ? mail_kind::email_change
                                    : sign_in_rules::kinds_of(type).front();
}

/// Whether the link makes an account where there is none.
bool may_insert(mail_kind kind) {
  return kind == mail_kind::confirm_signup || kind == mail_kind::invite ||
         kind == mail_kind::magic_link;
}

/// Whether an account that is there speaks against the link.
bool refuses(mail_kind kind, const user_row& user) {
  return kind == mail_kind::confirm_signup ||
         (kind == mail_kind::invite && !user.email_confirmed_at.empty());
}

std::string verification_type(mail_kind kind) {
  return kind == mail_kind::email_change ? "email_change_new"
                                         : std::string(sign_in_rules::type_of(kind));
}

} // namespace

void account_links::on(call<make_link_request>& c, answer<link_reply> a) {
  auto what = std::make_shared<wish>();
  what->kind = kind_of(c.body.type);
  what->op = c.op;
  what->redirect_to = redirect_rules::target(d_.sign_in.redirect, c.body.redirect_to);
  what->in = std::move(c.body);
  const auto& in = what->in;
  const auto wants = [&](const char* field) {
    a.fail(refusal(errc::invalid_argument, "validation_failed",
                   std::string(field) + ": is required for this type"));
  };
  if (in.send && !d_.mail) return a.fail(sign_in_rules::no_mails());
  if (what->kind == mail_kind::email_change && in.new_email.empty()) return wants("new_email");
  if (what->kind != mail_kind::confirm_signup) return find_user(std::move(what), std::move(a));
  if (in.password.value.empty()) return wants("password");
  auto password = std::move(what->in.password);
  d_.hasher->hash(std::move(password),
                  to_self<std::string>([this, what = std::move(what),
                                        a = std::move(a)](result<std::string> hash) mutable {
                    if (!hash) return a.fail(std::move(hash.error()));
                    what->hash = std::move(*hash);
                    find_user(std::move(what), std::move(a));
                  }));
}

void account_links::find_user(std::shared_ptr<wish> what, answer<link_reply> a) {
  auto email = what->in.email;
  d_.in.users->user_by_email(std::move(email),
                             to_self<user_row>([this, what = std::move(what),
                                                a = std::move(a)](result<user_row> user) mutable {
                               if (user && refuses(what->kind, *user))
                                 return a.fail(email_exists());
                               if (user) return make_link(*what, *user, std::move(a));
                               if (user.error().code == errc::not_found && may_insert(what->kind))
                                 return insert(std::move(what), std::move(a));
                               a.fail(std::move(user.error()));
                             }));
}

void account_links::insert(std::shared_ptr<wish> what, answer<link_reply> a) {
  auto row =
      account_rules::new_user(what->in.email, {}, std::exchange(what->hash, std::string()), false);
  row.user_metadata = what->in.data;
  d_.in.users->insert_user(
      row, {},
      to_self<done>([this, row, what = std::move(what), a = std::move(a)](result<done> r) mutable {
        if (!r) return a.fail(std::move(r.error()));
        d_.audit({.event = "accounts.user_created", .user = row.id, .more = {{"role", row.role}}},
                 what->op);
        make_link(*what, row, std::move(a));
      }));
}

void account_links::make_link(const wish& what, const user_row& user, answer<link_reply> a) {
  const auto& to = what.kind == mail_kind::email_change ? what.in.new_email : user.email;
  const auto token = sign_in_rules::make_mail_token(what.kind, user.id, to, {what.redirect_to, {}},
                                                    *d_.digest, unix_now(), d_.sign_in.token_ttl);
  link_reply out;
  out.user = account_rules::view_of(user, {}, now_text());
  out.action_link = sign_in_rules::link_of(d_.sign_in, what.kind, token, what.redirect_to);
  out.email_otp = token.code;
  out.hashed_token = token.link;
  out.redirect_to = what.redirect_to;
  out.verification_type = verification_type(what.kind);
  d_.audit({.event = "accounts.link_made", .user = user.id, .more = {{"type", what.in.type}}},
           what.op);
  auto then = to_self<done>([out = std::move(out), a = std::move(a)](result<done> stored) mutable {
    if (!stored) return a.fail(std::move(stored.error()));
    a(std::move(out));
  });
  if (what.in.send) return send_token_mail(d_, what.kind, token, user, std::move(then));
  d_.in.one_time->put(token.row, true, std::move(then));
}

} // namespace troupe
