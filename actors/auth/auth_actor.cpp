#include "actors/auth/auth_actor.hpp"

#include "actors/auth/auth_rules.hpp"
#include "actors/auth/credential_reader.hpp"
#include "actors/support/unix_time.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/log.hpp"

namespace troupe {
namespace {

using account_rules::now_text;
using auth_rules::refresh_verdict;

/// Expired sessions and tokens are forgotten in steps of this pace.
constexpr auto sweep_every = std::chrono::minutes(10);

class auth_impl final : public credential_reader {
public:
  static inline const char* actor_name = "auth";

  auth_impl(pointer self, slot_registry& slots, auth_deps deps)
      : credential_reader(self, slots, std::move(deps)) {}
  using credential_reader::on;

  void start() override {
    sweep();
    if (d_.make_signer) watch_keys();
    start_issuers();
  }

  // the account itself

  void on(call<register_request>& c, answer<session_reply> a) {
    if (!d_.signup_open) return a.fail(auth_rules::signup_closed());
    if (d_.sign_in.confirm_email) return a.fail(auth_rules::confirmation_wanted());
    const auto op = c.op;
    may_try(op, {}, [this, c = std::move(c), a = std::move(a)](result<done> may) mutable {
      if (!may) return a.fail(std::move(may.error()));
      sign_up(std::move(c), std::move(a));
    });
  }

  // sessions

  void on(call<login_request>& c, answer<session_reply> a) {
    const auto op = c.op;
    auto account = account_of(c.body.email);
    may_try(op, account,
            [this, account, c = std::move(c), a = std::move(a)](result<done> may) mutable {
              if (!may) return a.fail(std::move(may.error()));
              sign_in(std::move(c), std::move(account), std::move(a));
            });
  }

  void on(call<refresh_request>& c, answer<session_reply> a) {
    auto hash = d_.digest->sha256_hex(c.body.refresh_token.value);
    find_and_refresh(std::move(hash), 3, std::move(c.op), std::move(a));
  }

  void on(call<logout_request>& c, answer<done> a) {
    const auto& who = c.op.who;
    if (who.session.empty())
      return a.fail(make_error(errc::invalid_argument,
                               "only an access token can log out; revoke an API key instead"));
    d_.audit({.event = "auth.logout", .user = who.user, .more = {{"scope", c.body.scope}}}, c.op);
    if (c.body.scope == "local")
      return d_.in.sessions->revoke_session(
          who.user, who.session,
          to_self<done>([this, id = who.session, a = std::move(a)](result<done> ended) mutable {
            if (!ended) return a.fail(std::move(ended.error()));
            drop_from_cache({id}, [a = std::move(a)]() mutable { a(done{}); });
          }));
    end_sessions(who.user, c.body.scope == "others" ? who.session : std::string(),
                 [a = std::move(a)](result<done> ended) mutable { a(std::move(ended)); });
  }

  void on(call<list_sessions_request>& c, answer<session_list> a) {
    d_.in.sessions->list_sessions(
        c.op.who.user, unix_now(),
        to_self<std::vector<session_row>>([a = std::move(a), current = c.op.who.session](
                                              result<std::vector<session_row>> rows) mutable {
          if (!rows) return a.fail(std::move(rows.error()));
          session_list list;
          for (const auto& row : *rows) list.data.push_back(auth_rules::view_of(row, current));
          a(std::move(list));
        }));
  }

  void on(call<revoke_session_request>& c, answer<deleted_reply> a) {
    d_.audit(
        {.event = "auth.session_revoked", .user = c.op.who.user, .more = {{"session", c.body.id}}},
        c.op);
    deleted_reply gone{c.body.id, "session.deleted", true};
    d_.in.sessions->revoke_session(
        c.op.who.user, c.body.id,
        to_self<done>([this, a = std::move(a), gone = std::move(gone)](result<done> r) mutable {
          if (!r) return a.fail(std::move(r.error()));
          drop_from_cache({gone.id}, [gone, a = std::move(a)]() mutable { a(std::move(gone)); });
        }));
  }

  void on(call<ping_request>&, answer<ping_reply> a) {
    d_.in.users->first_admin(to_self<user_row>([a = std::move(a)](result<user_row> row) mutable {
      if (!row && row.error().code != errc::not_found) return a.fail(std::move(row.error()));
      a(ping_reply{true, {}});
    }));
  }

private:
  void sign_up(call<register_request> c, answer<session_reply> a) {
    auto password = std::move(c.body.password);
    d_.hasher->hash(
        std::move(password),
        to_self<std::string>([this, a = std::move(a), op = std::move(c.op),
                              in = std::move(c.body)](result<std::string> hash) mutable {
          if (!hash) return a.fail(std::move(hash.error()));
          auto row = account_rules::new_user(std::move(in.email), std::move(in.name),
                                             std::move(*hash), true);
          row.user_metadata = std::move(in.user_metadata);
          insert(std::move(row), std::move(op), std::move(a));
        }));
  }

  void sign_in(call<login_request> c, std::string account, answer<session_reply> a) {
    d_.in.users->user_by_email(
        c.body.email,
        to_self<user_row>([this, a = std::move(a), op = std::move(c.op),
                           account = std::move(account),
                           password = std::move(c.body.password)](result<user_row> user) mutable {
          if (!user && user.error().code != errc::not_found) return a.fail(std::move(user.error()));
          check_password(user ? std::move(*user) : user_row{}, std::move(password),
                         std::move(account), std::move(op), std::move(a));
        }));
  }

  void insert(user_row user, op_context op, answer<session_reply> a) {
    d_.in.users->insert_user(
        user, {},
        to_self<done>([this, user, op = std::move(op), a = std::move(a)](result<done> r) mutable {
          if (!r) return a.fail(std::move(r.error()));
          d_.audit({.event = "auth.register", .user = user.id}, op);
          open_session(user, "password", op, std::move(a));
        }));
  }

  /// An unknown user costs the same hash as a wrong password.
  void check_password(user_row user, secret password, std::string account, op_context op,
                      answer<session_reply> a) {
    auto encoded = user.password_hash;
    auto kept = password; // the hasher wipes its own
    d_.hasher->verify(
        std::move(password), std::move(encoded),
        to_self<password_verdict>([this, user = std::move(user), op = std::move(op),
                                   account = std::move(account), kept = std::move(kept),
                                   a = std::move(a)](result<password_verdict> found) mutable {
          if (!found) return a.fail(std::move(found.error()));
          if (!found->right) {
            note_failure(account);
            d_.audit({.event = "auth.login_failed", .level = log_level::warn, .user = user.id}, op);
            return a.fail(auth_rules::wrong_credentials());
          }
          if (account_rules::is_banned(user, now_text())) return a.fail(auth_rules::banned());
          if (d_.sign_in.confirm_email && user.email_confirmed_at.empty())
            return a.fail(sign_in_rules::email_not_confirmed());
          d_.audit({.event = "auth.login", .user = user.id}, op);
          if (found->outdated) rewrite_hash(user, std::move(kept));
          open_session(std::move(user), "password", op, std::move(a));
        }));
  }

  /// The password was right against a hash of another system: from now on it is kept as ours. The
  /// sign-in does not wait for it; one that fails is made up for by the next.
  void rewrite_hash(const user_row& user, secret password) {
    d_.hasher->hash(std::move(password),
                    to_self<std::string>([this, id = user.id,
                                          before = user.password_hash](result<std::string> hash) {
                      if (!hash) return;
                      change_user(
                          id,
                          [before, hash = *hash](user_row& row) {
                            if (row.password_hash == before) row.password_hash = hash;
                            return result<void>();
                          },
                          [](const result<user_row>&) {});
                    }));
  }

  void open_session(user_row user, std::string method, const op_context& op,
                    continuation<session_reply> a) override {
    const auto now = unix_now();
    session_row session;
    session.id = make_uuid();
    session.user_id = user.id;
    session.rotated_at = unix_now_ms();
    session.created_at = now;
    session.method = std::move(method);
    session.address = op.client_address;
    session.expires_at = now + limits::refresh_token_ttl.count();
    auto issued = auth_rules::issue(user, session.id, signer(), *d_.digest, now);
    session.refresh_hash = issued.refresh_hash;
    user.last_sign_in_at = now_text();
    d_.in.users->touch_sign_in(user.id, user.last_sign_in_at,
                               reply<done>([](const result<done>&) {})); // a note, no more
    d_.in.sessions->insert_session(
        std::move(session), to_self<done>([this, a = std::move(a), user = std::move(user),
                                           r = std::move(issued.reply)](result<done> ok) mutable {
          if (!ok) return a(std::unexpected(std::move(ok.error())));
          hand_over(std::move(user), std::move(r), std::move(a));
        }));
  }

  void hand_over(user_row user, session_reply session, continuation<session_reply> a) {
    show(std::move(user),
         [session = std::move(session), a = std::move(a)](result<user_view> view) mutable {
           if (!view) return a(std::unexpected(std::move(view.error())));
           session.user = std::move(*view);
           a(std::move(session));
         });
  }

  void find_and_refresh(std::string hash, int tries, op_context op, answer<session_reply> a) {
    d_.in.sessions->session_by_refresh(
        hash, to_self<session_row>([this, hash, tries, op = std::move(op),
                                    a = std::move(a)](result<session_row> session) mutable {
          if (!session)
            return a.fail(dead_or(std::move(session.error()), auth_rules::dead_refresh_token()));
          refresh(std::move(*session), hash, tries, std::move(op), std::move(a));
        }));
  }

  void refresh(session_row session, const std::string& hash, int tries, op_context op,
               answer<session_reply> a) {
    switch (auth_rules::judge_refresh(session, unix_now_ms())) {
      case refresh_verdict::dead:
        return a.fail(auth_rules::dead_refresh_token());
      case refresh_verdict::stolen:
        log::warn("auth.refresh_reused", {{"user", session.user_id}, {"session", session.id}});
        d_.audit({.event = "auth.refresh_reused",
                  .level = log_level::warn,
                  .user = session.user_id,
                  .more = {{"session", session.id}}},
                 op);
        return d_.in.sessions->revoke_session(
            session.user_id, session.id,
            to_self<done>(
                [this, id = session.id, a = std::move(a)](const result<done>& ended) mutable {
                  if (ended) drop_from_cache({id}, [] {});
                  a.fail(auth_rules::spent_refresh_token());
                }));
      case refresh_verdict::rotate:
      case refresh_verdict::reuse:
        break;
    }
    d_.in.users->user_by_id(
        session.user_id, to_self<user_row>([this, session, hash, tries, op = std::move(op),
                                            a = std::move(a)](result<user_row> user) mutable {
          if (!user) return a.fail(dead_or(std::move(user.error())));
          if (account_rules::is_banned(*user, now_text())) return a.fail(auth_rules::banned());
          rotate(std::move(session), hash, tries, std::move(*user), std::move(op), std::move(a));
        }));
  }

  /// A rotation that lost a race against another of the same family is judged again.
  void rotate(session_row session, const std::string& hash, int tries, user_row user, op_context op,
              answer<session_reply> a) {
    const auto now = unix_now();
    auto issued = auth_rules::issue(user, session.id, signer(), *d_.digest, now);
    auto then = to_self<done>([this, hash, tries, op = std::move(op), a = std::move(a),
                               user = std::move(user),
                               r = std::move(issued.reply)](result<done> rotated) mutable {
      if (rotated) return hand_over(std::move(user), std::move(r), std::move(a));
      if (rotated.error().code != errc::conflict || tries == 0)
        return a.fail(dead_or(std::move(rotated.error())));
      find_and_refresh(hash, tries - 1, std::move(op), std::move(a));
    });
    d_.in.sessions->rotate(session.id, session.refresh_hash, issued.refresh_hash, unix_now_ms(),
                           now + limits::refresh_token_ttl.count(), std::move(then));
  }

  void sweep() {
    const auto now = unix_now();
    d_.in.sessions->drop_expired(now, reply<std::int64_t>([](const result<std::int64_t>&) {}));
    d_.in.one_time->drop_expired(now, reply<std::int64_t>([](const result<std::int64_t>&) {}));
    later(sweep_every, [this] { sweep(); });
  }
};

} // namespace

auth_service::actor spawn_auth(caf::actor_system& system, auth_deps deps) {
  return spawn_service<auth_service, auth_impl>(system, std::move(deps));
}

} // namespace troupe
