#include "actors/auth/auth_actor.hpp"

#include "actors/auth/auth_rules.hpp"
#include "actors/auth/credential_cache.hpp"
#include "actors/auth/throttled_account.hpp"
#include "actors/support/unix_time.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/log.hpp"

namespace troupe {
namespace {

using account_rules::now_text;
using auth_rules::refresh_verdict;

/// Expired sessions and tokens are forgotten in steps of this pace.
constexpr auto sweep_every = std::chrono::minutes(10);
constexpr auto keys_watched_every = std::chrono::seconds(20);
/// Tokens of unknown keys make us look at most so often (seconds).
constexpr std::int64_t key_read_pace = 1;
/// The use of a key is noted to the minute.
constexpr std::int64_t key_use_grain = 60;

class auth_impl final : public throttled_account {
public:
  static inline const char* actor_name = "auth";

  auth_impl(pointer self, slot_registry& slots, auth_deps deps)
      : throttled_account(self, slots, std::move(deps)), signer_(d_.signer) {}
  using own_account::on;

  void start() override {
    sweep();
    if (d_.make_signer) watch_keys();
  }

  // the account itself

  void on(call<register_request>& c, answer<session_reply> a) {
    if (!d_.signup_open) return a.fail(auth_rules::signup_closed());
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
    if (c.body.scope == "local") {
      drop_from_cache({who.session});
      return d_.in.sessions->revoke_session(who.user, who.session, pass_on(std::move(a)));
    }
    d_.in.sessions->revoke_sessions(
        who.user, c.body.scope == "others" ? who.session : std::string(),
        to_self<std::vector<std::string>>(
            [this, a = std::move(a)](result<std::vector<std::string>> ended) mutable {
              if (!ended) return a.fail(std::move(ended.error()));
              drop_from_cache(*ended);
              a(done{});
            }));
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
          drop_from_cache({gone.id});
          a(std::move(gone));
        }));
  }

  // who is this?

  void on(call<authenticate_request>& c, answer<authenticate_reply> a) {
    identify(std::move(c.body.credential.value), std::move(a));
  }

  void on(call<jwks_request>&, answer<json_reply> a) { a(json_reply{signer_->jwks(unix_now())}); }

  void on(call<verify_request>& c, answer<verify_reply> a) {
    const auto token = std::move(c.body.token.value);
    const auto claims = signer_->verify(token, unix_now());
    auto then = to_self<authenticate_reply>([a = std::move(a),
                                             times = claims ? *claims : token_claims()](
                                                result<authenticate_reply> found) mutable {
      verify_reply out;
      if (!found) {
        if (found.error().code != errc::unauthenticated && found.error().code != errc::forbidden)
          return a.fail(std::move(found.error()));
        return a(std::move(out));
      }
      out.active = true;
      out.sub = found->who.user;
      out.email = found->who.email;
      if (!found->who.session.empty()) {
        out.sid = found->who.session;
        out.iat = times.iat;
        out.exp = times.exp;
      }
      a(std::move(out));
    });
    identify(token, std::move(then));
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
                    answer<session_reply> a) {
    const auto now = unix_now();
    session_row session;
    session.id = make_uuid();
    session.user_id = user.id;
    session.rotated_at = unix_now_ms();
    session.created_at = now;
    session.method = std::move(method);
    session.address = op.client_address;
    session.expires_at = now + limits::refresh_token_ttl.count();
    auto issued = auth_rules::issue(user, session.id, *signer_, *d_.digest, now);
    session.refresh_hash = issued.refresh_hash;
    user.last_sign_in_at = now_text();
    d_.in.users->touch_sign_in(user.id, user.last_sign_in_at,
                               reply<done>([](const result<done>&) {})); // a note, no more
    d_.in.sessions->insert_session(
        std::move(session), to_self<done>([this, a = std::move(a), user = std::move(user),
                                           r = std::move(issued.reply)](result<done> ok) mutable {
          if (!ok) return a.fail(std::move(ok.error()));
          hand_over(std::move(user), std::move(r), std::move(a));
        }));
  }

  void hand_over(user_row user, session_reply session, answer<session_reply> a) {
    show(std::move(user),
         [session = std::move(session), a = std::move(a)](result<user_view> view) mutable {
           if (!view) return a.fail(std::move(view.error()));
           session.user = std::move(*view);
           a(std::move(session));
         });
  }

  void find_and_refresh(std::string hash, int tries, op_context op, answer<session_reply> a) {
    d_.in.sessions->session_by_refresh(
        hash, to_self<session_row>([this, hash, tries, op = std::move(op),
                                    a = std::move(a)](result<session_row> session) mutable {
          if (!session) return a.fail(dead_or(std::move(session.error())));
          refresh(std::move(*session), hash, tries, std::move(op), std::move(a));
        }));
  }

  void refresh(session_row session, const std::string& hash, int tries, op_context op,
               answer<session_reply> a) {
    switch (auth_rules::judge_refresh(session, unix_now_ms())) {
      case refresh_verdict::dead:
        return a.fail(auth_rules::unknown_credential());
      case refresh_verdict::stolen:
        log::warn("auth.refresh_reused", {{"user", session.user_id}, {"session", session.id}});
        d_.audit({.event = "auth.refresh_reused",
                  .level = log_level::warn,
                  .user = session.user_id,
                  .more = {{"session", session.id}}},
                 op);
        drop_from_cache({session.id});
        return d_.in.sessions->revoke_session(
            session.user_id, session.id, to_self<done>([a = std::move(a)](result<done>) mutable {
              a.fail(auth_rules::unknown_credential());
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
    auto issued = auth_rules::issue(user, session.id, *signer_, *d_.digest, now);
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

  /// `then` is an answer<authenticate_reply> or a reply<authenticate_reply>.
  template <class Then>
  void identify(std::string credential, Then then) {
    if (auth_rules::is_api_key(credential)) return identify_key(credential, std::move(then));
    const auto claims = signer_->verify(credential, unix_now());
    if (claims) return identify_session(*claims, std::move(then));
    if (!may_read_keys()) return then.fail(auth_rules::unknown_credential());
    // Another node may have signed it with a key that was made since we looked.
    read_keys([this, credential = std::move(credential), then = std::move(then)]() mutable {
      const auto claims_now = signer_->verify(credential, unix_now());
      if (claims_now) return identify_session(*claims_now, std::move(then));
      then.fail(auth_rules::unknown_credential());
    });
  }

  /// Who holds a credential, until the accounts have said all of it.
  struct holder {
    caller who; ///< without what the account says
    std::int64_t expires_at = 0;
    std::string cache_key;
    std::int64_t read_at = unix_now(); ///< before the accounts were
  };

  /// What another node has found out lately, else `read()`. A cache that is away is passed over.
  template <class Then, class Read>
  void look_up(std::string key, std::int64_t expires_at, Then then, Read read) {
    if (!d_.cache) return read(std::move(then));
    d_.cache->get(
        std::move(key),
        to_self<cached_session>([expires_at, then = std::move(then),
                                 read = std::move(read)](result<cached_session> cached) mutable {
          if (!cached) return read(std::move(then));
          if (cached->what == cached_session::state::revoked)
            return then.fail(auth_rules::unknown_credential());
          auto known = credential_cache::reply_of(cached->value, expires_at);
          if (cached->what == cached_session::state::absent || !known) return read(std::move(then));
          then(std::move(*known));
        }));
  }

  template <class Then>
  void identify_session(const token_claims& claims, Then then) {
    auto key = credential_cache::session_key(claims.sid);
    look_up(key, claims.exp, std::move(then), [this, key, claims](Then after) mutable {
      read_session(claims, std::move(key), std::move(after));
    });
  }

  template <class Then>
  void read_session(const token_claims& claims, std::string key, Then then) {
    d_.in.sessions->session_by_id(
        claims.sid,
        to_self<session_row>([this, claims, key = std::move(key),
                              then = std::move(then)](result<session_row> session) mutable {
          if (!session) return then.fail(dead_or(std::move(session.error())));
          if (session->revoked || session->user_id != claims.sub)
            return then.fail(auth_rules::unknown_credential());
          holder found{.who = {}, .expires_at = claims.exp, .cache_key = std::move(key)};
          found.who.session = claims.sid;
          with_user(claims.sub, std::move(found), std::move(then));
        }));
  }

  template <class Then>
  void identify_key(const std::string& key, Then then) {
    auto digest = d_.digest->sha256_hex(key);
    look_up(credential_cache::api_key_key(digest), 0, std::move(then),
            [this, digest](Then after) mutable { read_key(std::move(digest), std::move(after)); });
  }

  template <class Then>
  void read_key(std::string digest, Then then) {
    d_.in.keys->key_by_hash(
        digest, to_self<api_key_row>([this, digest,
                                      then = std::move(then)](result<api_key_row> row) mutable {
          if (!row) return then.fail(dead_or(std::move(row.error())));
          const auto now = unix_now();
          if (row->expires_at != 0 && row->expires_at <= now)
            return then.fail(auth_rules::unknown_credential());
          if (now - row->last_used_at >= key_use_grain)
            d_.in.keys->touch_key(row->id, now, reply<done>([](const result<done>&) {}));
          holder found{.who = {},
                       .expires_at = row->expires_at,
                       .cache_key = credential_cache::api_key_key(digest)};
          found.who.key = row->id;
          found.who.scopes = std::move(row->scopes);
          found.who.organization = std::move(row->organization);
          with_user(std::move(row->user_id), std::move(found), std::move(then));
        }));
  }

  template <class Then>
  void with_user(std::string user_id, holder found, Then then) {
    d_.in.users->user_by_id(
        std::move(user_id),
        to_self<user_row>([this, found = std::move(found),
                           then = std::move(then)](result<user_row> user) mutable {
          if (!user) return then.fail(dead_or(std::move(user.error())));
          if (account_rules::is_banned(*user, now_text())) return then.fail(auth_rules::banned());
          auto who = auth_rules::caller_of(*user, std::move(found.who.scopes));
          who.session = std::move(found.who.session);
          who.key = std::move(found.who.key);
          who.organization = std::move(found.who.organization);
          found.who = std::move(who);
          with_caps(std::move(found), std::move(then));
        }));
  }

  template <class Then>
  void with_caps(holder found, Then then) {
    auto subjects = auth_rules::capped_subjects(found.who);
    d_.in.caps->caps_of(
        std::move(subjects),
        to_self<std::vector<caps_row>>([this, found = std::move(found), then = std::move(then)](
                                           result<std::vector<caps_row>> caps) mutable {
          if (!caps) return then.fail(std::move(caps.error()));
          auth_rules::hold_to(found.who, std::move(*caps), d_.user_caps);
          found.who.is_limited = found.who.is_limited || d_.limits_addresses;
          tell(std::move(found), std::move(then));
        }));
  }

  template <class Then>
  void tell(holder found, Then then) {
    // A session has tokens of several ends; its own lies with the one that is asked for.
    const bool is_key = !found.who.key.empty();
    authenticate_reply out{std::move(found.who), is_key ? found.expires_at : 0};
    if (d_.cache)
      d_.cache->put(std::move(found.cache_key), credential_cache::value_of(out, found.read_at),
                    limits::auth_cache_ttl, reply<done>([](const result<done>&) {}));
    out.expires_at = found.expires_at;
    then(std::move(out));
  }

  /// Not found means a wrong credential; a store that is down stays 503.
  static error dead_or(error why) {
    return why.code == errc::not_found || why.code == errc::conflict
               ? auth_rules::unknown_credential()
               : std::move(why);
  }

  [[nodiscard]] bool may_read_keys() const {
    return d_.make_signer && unix_now() - keys_read_at_ >= key_read_pace;
  }

  /// Takes the signing keys as they are in the store, then and now: another node may have made one.
  void read_keys(std::move_only_function<void()> after = [] {}) {
    if (!d_.make_signer) return after();
    keys_read_at_ = unix_now();
    d_.in.secrets->signing_keys(
        keys_read_at_,
        to_self<std::vector<signing_key_row>>(
            [this, after = std::move(after)](result<std::vector<signing_key_row>> rows) mutable {
              take_keys(rows);
              after();
            }));
  }

  void take_keys(const result<std::vector<signing_key_row>>& rows) {
    if (!rows) return log::warn("auth.keys_unread", {{"why", rows.error().message}});
    auto made = d_.make_signer(*rows);
    if (!made) return log::warn("auth.keys_unusable", {{"why", made.error().message}});
    signer_ = std::move(*made);
  }

  void sweep() {
    const auto now = unix_now();
    d_.in.sessions->drop_expired(now, reply<std::int64_t>([](const result<std::int64_t>&) {}));
    d_.in.one_time->drop_expired(now, reply<std::int64_t>([](const result<std::int64_t>&) {}));
    later(sweep_every, [this] { sweep(); });
  }

  /// A rotation must be known everywhere before the old key retires (signing_key_overlap).
  void watch_keys() {
    later(keys_watched_every, [this] {
      read_keys();
      watch_keys();
    });
  }

  std::shared_ptr<const token_signer> signer_;
  std::int64_t keys_read_at_ = 0; // Unix seconds
};

} // namespace

auth_service::actor spawn_auth(caf::actor_system& system, auth_deps deps) {
  return spawn_service<auth_service, auth_impl>(system, std::move(deps));
}

} // namespace troupe
