#pragma once

#include "actors/auth/throttled_account.hpp"

namespace troupe {

/// Inside actors/auth only: the part of the service auth in which people look at and change their
/// own account.
class own_account : public throttled_account {
public:
  using service_base::on;
  using throttled_account::throttled_account;

  void on(call<me_request>& c, answer<user_view> a) {
    d_.in.users->user_by_id(
        c.op.who.user, to_self<user_row>([this, a = std::move(a)](result<user_row> user) mutable {
          if (!user) return a.fail(std::move(user.error()));
          show(std::move(*user), std::move(a));
        }));
  }

  /// Who holds a key or a token of another issuer may not take the account over with it, and where
  /// e-mails are confirmed a new one comes by a mail (change_account_request).
  void on(call<update_me_request>& c, answer<user_view> a) {
    const bool is_proof = c.body.email || !c.body.password.value.empty();
    if (is_proof && c.op.who.session.empty())
      return a.fail(make_error(errc::forbidden,
                               "an e-mail or a password is changed with an access token of a "
                               "sign-in, not with a key"));
    if (c.body.email && d_.sign_in.confirm_email)
      return a.fail(make_error(errc::forbidden,
                               "e-mails are confirmed here: change it with PUT /auth/v1/user",
                               "email"));
    if (c.body.password.value.empty()) return change_me(c.op, std::move(c.body), {}, std::move(a));
    d_.in.users->user_by_id(c.op.who.user,
                            to_self<user_row>([this, op = c.op, in = std::move(c.body),
                                               a = std::move(a)](result<user_row> user) mutable {
                              if (!user) return a.fail(std::move(user.error()));
                              prove_and_change(*user, std::move(op), std::move(in), std::move(a));
                            }));
  }

private:
  /// A new password wants the old one, where there is one.
  void prove_and_change(const user_row& user, op_context op, update_me_request in,
                        answer<user_view> a) {
    if (user.password_hash.empty())
      return hash_and_change(std::move(op), std::move(in), std::move(a));
    const auto asked_by = op;
    may_try(asked_by, account_of(user.email),
            [this, user, op = std::move(op), in = std::move(in),
             a = std::move(a)](result<done> may) mutable {
              if (!may) return a.fail(std::move(may.error()));
              prove(user, std::move(op), std::move(in), std::move(a));
            });
  }

  void prove(const user_row& user, op_context op, update_me_request in, answer<user_view> a) {
    auto given = std::move(in.current_password);
    d_.hasher->verify(
        std::move(given), user.password_hash,
        to_self<password_verdict>([this, account = account_of(user.email), op = std::move(op),
                                   in = std::move(in),
                                   a = std::move(a)](result<password_verdict> found) mutable {
          if (!found) return a.fail(std::move(found.error()));
          if (!found->right) {
            note_failure(account);
            return a.fail(make_error(errc::invalid_argument,
                                     "current_password: is not the present password",
                                     "current_password"));
          }
          hash_and_change(std::move(op), std::move(in), std::move(a));
        }));
  }

  void hash_and_change(op_context op, update_me_request in, answer<user_view> a) {
    auto password = std::move(in.password);
    d_.hasher->hash(std::move(password),
                    to_self<std::string>([this, op = std::move(op), in = std::move(in),
                                          a = std::move(a)](result<std::string> hash) mutable {
                      if (!hash) return a.fail(std::move(hash.error()));
                      change_me(op, std::move(in), std::move(*hash), std::move(a));
                    }));
  }

  /// With a new password all other sessions end: whoever knew the old one may hold one.
  void change_me(const op_context& op, update_me_request in, std::string hash,
                 answer<user_view> a) {
    change_user(
        op.who.user,
        [in = std::move(in), hash](user_row& row) {
          if (!hash.empty()) row.password_hash = hash;
          return account_rules::apply(in, row);
        },
        [this, op, hash, a = std::move(a)](result<user_row> row) mutable {
          if (!row) return a.fail(std::move(row.error()));
          d_.audit({.event = hash.empty() ? "auth.account_changed" : "auth.password_changed",
                    .user = row->id},
                   op);
          if (hash.empty()) return show(std::move(*row), std::move(a));
          end_mail_tokens(row->id);
          end_sessions_and_show(std::move(*row), op.who.session, std::move(a));
        });
  }
};

} // namespace troupe
