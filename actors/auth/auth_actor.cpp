#include "actors/auth/auth_actor.hpp"

#include "actors/auth/auth_rules.hpp"
#include "actors/log/log_rules.hpp"
#include "actors/support/unix_time.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/log.hpp"

namespace troupe {
namespace {

using auth_rules::refresh_verdict;

user_row new_user(std::string email, std::string name, std::string hash, bool admin) {
  return {make_uuid(),     std::move(email),
          std::move(name), std::move(hash),
          admin,           log_rules::format_time(std::chrono::system_clock::now())};
}

class auth_impl final : public service_base<auth_service> {
public:
  static inline const char* actor_name = "auth";

  auth_impl(pointer self, slot_registry& slots, auth_deps deps)
      : service_base(self, slots), d_(std::move(deps)) {}
  using service_base::on;

  // accounts

  void on(call<register_request>& c, answer<session_reply> a) {
    if (!d_.signup_open) return a.fail(auth_rules::signup_closed());
    d_.hasher->hash(
        std::move(c.body.password),
        to_self<std::string>([this, a = std::move(a), email = std::move(c.body.email),
                              name = std::move(c.body.name)](result<std::string> hash) mutable {
          if (!hash) return a.fail(std::move(hash.error()));
          insert_user(new_user(std::move(email), std::move(name), std::move(*hash), false),
                      std::move(a));
        }));
  }

  void on(call<login_request>& c, answer<session_reply> a) {
    d_.users->user_by_email(
        c.body.email,
        to_self<user_row>([this, a = std::move(a),
                           password = std::move(c.body.password)](result<user_row> user) mutable {
          if (!user && user.error().code != errc::not_found) return a.fail(std::move(user.error()));
          check_password(user ? std::move(*user) : user_row{}, std::move(password), std::move(a));
        }));
  }

  void on(call<me_request>& c, answer<user_view> a) {
    d_.users->user_by_id(c.op.who.user,
                         to_self<user_row>([a = std::move(a)](result<user_row> user) mutable {
                           if (!user) return a.fail(std::move(user.error()));
                           a(auth_rules::view_of(*user));
                         }));
  }

  // sessions

  void on(call<refresh_request>& c, answer<session_reply> a) {
    auto hash = d_.digest->sha256_hex(c.body.refresh_token.value);
    d_.users->session_by_refresh(
        hash,
        to_self<session_row>([this, a = std::move(a), hash](result<session_row> session) mutable {
          if (!session) return a.fail(dead_or(std::move(session.error())));
          refresh(std::move(*session), hash, 3, std::move(a));
        }));
  }

  void on(call<logout_request>& c, answer<done> a) {
    if (c.op.who.session.empty())
      return a.fail(make_error(errc::invalid_argument,
                               "only an access token can log out; revoke an API key instead"));
    d_.users->revoke_session(c.op.who.session, pass_on(std::move(a)));
  }

  // API keys

  void on(call<create_key_request>& c, answer<api_key_view> a) {
    auto key = auth_rules::make_key(c.op.who.user, std::move(c.body.name), *d_.digest, unix_now());
    auto view = auth_rules::view_of(key.row);
    view.key = std::move(key.text);
    d_.keys->insert_key(
        std::move(key.row),
        to_self<done>([a = std::move(a), view = std::move(view)](result<done> stored) mutable {
          if (!stored) return a.fail(std::move(stored.error()));
          a(std::move(view));
        }));
  }

  void on(call<list_keys_request>& c, answer<api_key_list> a) {
    const auto& who = c.op.who;
    d_.keys->list_keys(who.admin && !c.body.user.empty() ? c.body.user : who.user,
                       to_self<std::vector<api_key_row>>(
                           [a = std::move(a)](result<std::vector<api_key_row>> rows) mutable {
                             if (!rows) return a.fail(std::move(rows.error()));
                             api_key_list list;
                             for (const auto& row : *rows)
                               list.data.push_back(auth_rules::view_of(row));
                             a(std::move(list));
                           }));
  }

  void on(call<revoke_key_request>& c, answer<deleted_reply> a) {
    deleted_reply gone{c.body.id, "api_key.deleted", true};
    d_.keys->revoke_key(
        c.op.who.user, c.body.id,
        to_self<done>([a = std::move(a), gone = std::move(gone)](result<done> r) mutable {
          if (!r) return a.fail(std::move(r.error()));
          a(std::move(gone));
        }));
  }

  // who is this?

  void on(call<authenticate_request>& c, answer<authenticate_reply> a) {
    identify(std::move(c.body.credential.value), std::move(a));
  }

  void on(call<verify_request>& c, answer<verify_reply> a) {
    const auto token = std::move(c.body.token.value);
    const auto claims = d_.signer->verify(token, unix_now());
    auto then = to_self<authenticate_reply>([a = std::move(a), iat = claims ? claims->iat : 0](
                                                result<authenticate_reply> found) mutable {
      verify_reply out;
      if (!found) {
        if (found.error().code != errc::unauthenticated) return a.fail(std::move(found.error()));
        return a(std::move(out));
      }
      out.active = true;
      out.sub = found->who.user;
      out.email = found->who.email;
      if (!found->who.session.empty()) {
        out.sid = found->who.session;
        out.iat = iat;
        out.exp = found->expires_at;
      }
      a(std::move(out));
    });
    identify(token, std::move(then));
  }

  void on(call<ping_request>&, answer<ping_reply> a) {
    d_.users->first_admin(to_self<user_row>([a = std::move(a)](result<user_row> row) mutable {
      if (!row && row.error().code != errc::not_found) return a.fail(std::move(row.error()));
      a(ping_reply{true, {}});
    }));
  }

private:
  void insert_user(user_row user, answer<session_reply> a) {
    d_.users->insert_user(user,
                          to_self<done>([this, user, a = std::move(a)](result<done> r) mutable {
                            if (!r) return a.fail(std::move(r.error()));
                            open_session(user, std::move(a));
                          }));
  }

  /// An unknown user costs the same hash as a wrong password.
  void check_password(user_row user, secret password, answer<session_reply> a) {
    auto encoded = user.password_hash;
    d_.hasher->verify(
        std::move(password), std::move(encoded),
        to_self<bool>([this, user = std::move(user), a = std::move(a)](result<bool> right) mutable {
          if (!right) return a.fail(std::move(right.error()));
          if (!*right) return a.fail(auth_rules::wrong_credentials());
          open_session(user, std::move(a));
        }));
  }

  void open_session(const user_row& user, answer<session_reply> a) {
    const auto now = unix_now();
    session_row session;
    session.id = make_uuid();
    session.user_id = user.id;
    session.rotated_at = unix_now_ms();
    session.expires_at = now + limits::refresh_token_ttl.count();
    auto issued = auth_rules::issue(user, session.id, *d_.signer, *d_.digest, now);
    session.refresh_hash = issued.refresh_hash;
    d_.users->insert_session(
        std::move(session),
        to_self<done>([a = std::move(a), r = std::move(issued.reply)](result<done> stored) mutable {
          if (!stored) return a.fail(std::move(stored.error()));
          a(std::move(r));
        }));
  }

  void refresh(session_row session, const std::string& hash, int tries, answer<session_reply> a) {
    switch (auth_rules::judge_refresh(session, unix_now_ms())) {
      case refresh_verdict::dead:
        return a.fail(auth_rules::unknown_credential());
      case refresh_verdict::stolen:
        log::warn("auth.refresh_reused", {{"user", session.user_id}, {"session", session.id}});
        return d_.users->revoke_session(session.id,
                                        to_self<done>([a = std::move(a)](result<done>) mutable {
                                          a.fail(auth_rules::unknown_credential());
                                        }));
      case refresh_verdict::rotate:
      case refresh_verdict::reuse:
        break;
    }
    d_.users->user_by_id(session.user_id,
                         to_self<user_row>([this, session, hash, tries,
                                            a = std::move(a)](result<user_row> user) mutable {
                           if (!user) return a.fail(dead_or(std::move(user.error())));
                           rotate(std::move(session), hash, tries, *user, std::move(a));
                         }));
  }

  /// A rotation that lost a race against another of the same family is judged again.
  void rotate(session_row session, const std::string& hash, int tries, const user_row& user,
              answer<session_reply> a) {
    const auto now = unix_now();
    auto issued = auth_rules::issue(user, session.id, *d_.signer, *d_.digest, now);
    auto then = to_self<done>([this, hash, tries, a = std::move(a),
                               r = std::move(issued.reply)](result<done> rotated) mutable {
      if (rotated) return a(std::move(r));
      if (rotated.error().code != errc::conflict || tries == 0)
        return a.fail(dead_or(std::move(rotated.error())));
      d_.users->session_by_refresh(hash, to_self<session_row>([this, hash, tries, a = std::move(a)](
                                                                  result<session_row> s) mutable {
                                     if (!s) return a.fail(dead_or(std::move(s.error())));
                                     refresh(std::move(*s), hash, tries - 1, std::move(a));
                                   }));
    });
    d_.users->rotate(session.id, session.refresh_hash, issued.refresh_hash, unix_now_ms(),
                     now + limits::refresh_token_ttl.count(), std::move(then));
  }

  /// `then` is an answer<authenticate_reply> or a reply<authenticate_reply>.
  template <class Then>
  void identify(std::string credential, Then then) {
    if (auth_rules::is_api_key(credential)) return identify_key(credential, std::move(then));
    const auto claims = d_.signer->verify(credential, unix_now());
    if (!claims) return then.fail(auth_rules::unknown_credential());
    d_.users->session_by_id(claims->sid,
                            to_self<session_row>([this, claims = *claims, then = std::move(then)](
                                                     result<session_row> session) mutable {
                              if (!session) return then.fail(dead_or(std::move(session.error())));
                              if (session->revoked || session->user_id != claims.sub)
                                return then.fail(auth_rules::unknown_credential());
                              with_user(claims.sub, claims.sid, {}, claims.exp, std::move(then));
                            }));
  }

  template <class Then>
  void identify_key(const std::string& key, Then then) {
    d_.keys->key_by_hash(
        d_.digest->sha256_hex(key),
        to_self<api_key_row>([this, then = std::move(then)](result<api_key_row> row) mutable {
          if (!row) return then.fail(dead_or(std::move(row.error())));
          with_user(row->user_id, {}, row->id, 0, std::move(then));
        }));
  }

  template <class Then>
  void with_user(std::string user_id, std::string session, std::string key, std::int64_t expires_at,
                 Then then) {
    d_.users->user_by_id(
        std::move(user_id),
        to_self<user_row>([session = std::move(session), key = std::move(key), expires_at,
                           then = std::move(then)](result<user_row> user) mutable {
          if (!user) return then.fail(dead_or(std::move(user.error())));
          then(authenticate_reply{auth_rules::caller_of(*user, std::move(session), std::move(key)),
                                  expires_at});
        }));
  }

  /// Not found means a wrong credential; a store that is down stays 503.
  static error dead_or(error why) {
    return why.code == errc::not_found || why.code == errc::conflict
               ? auth_rules::unknown_credential()
               : std::move(why);
  }

  auth_deps d_;
};

} // namespace

auth_service::actor spawn_auth(caf::actor_system& system, auth_deps deps) {
  return spawn_service<auth_service, auth_impl>(system, std::move(deps));
}

namespace {

struct admin_job {
  auth_deps deps;
  std::function<result<void>(const std::string&)> save;
  reply<bool> made;
};

void give_key(std::shared_ptr<admin_job> job, const std::string& admin_id) {
  auto key = auth_rules::make_key(admin_id, "first admin key", *job->deps.digest, unix_now());
  if (auto saved = job->save(key.text); !saved) return job->made.fail(std::move(saved.error()));
  job->deps.keys->insert_key(std::move(key.row), reply<done>([job](result<done> stored) {
                               if (!stored) return job->made.fail(std::move(stored.error()));
                               job->made(true);
                             }));
}

void give_key_if_none(std::shared_ptr<admin_job> job, const std::string& admin_id) {
  job->deps.keys->list_keys(admin_id, reply<std::vector<api_key_row>>(
                                          [job, admin_id](result<std::vector<api_key_row>> keys) {
                                            if (!keys)
                                              return job->made.fail(std::move(keys.error()));
                                            if (!keys->empty()) return job->made(false);
                                            give_key(job, admin_id);
                                          }));
}

/// Another auth process made it between our look and our insert.
void find_others_admin(const std::shared_ptr<admin_job>& job) {
  job->deps.users->first_admin(reply<user_row>([job](result<user_row> found) {
    if (!found) return job->made.fail(std::move(found.error()));
    give_key_if_none(job, found->id);
  }));
}

} // namespace

void ensure_admin(auth_deps deps, std::function<result<void>(const std::string&)> save,
                  reply<bool> made) {
  auto job = std::make_shared<admin_job>(std::move(deps), std::move(save), std::move(made));
  job->deps.users->first_admin(reply<user_row>([job](result<user_row> found) {
    if (found) return give_key_if_none(job, found->id);
    if (found.error().code != errc::not_found) return job->made.fail(std::move(found.error()));
    auto admin = new_user("admin@localhost", "Administrator", {}, true);
    auto id = admin.id;
    job->deps.users->insert_user(std::move(admin), reply<done>([job, id](result<done> stored) {
                                   if (stored) return give_key_if_none(job, id);
                                   if (stored.error().code == errc::conflict)
                                     return find_others_admin(job);
                                   job->made.fail(std::move(stored.error()));
                                 }));
  }));
}

} // namespace troupe
