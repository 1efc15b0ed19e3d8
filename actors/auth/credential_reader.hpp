#pragma once

#include "actors/auth/auth_rules.hpp"
#include "actors/auth/credential_cache.hpp"
#include "actors/auth/provider_sign_in.hpp"
#include "actors/support/unix_time.hpp"
#include "messages/base/log.hpp"

namespace troupe {

/// Inside actors/auth only: the part of the service auth that knows who holds a credential: an API
/// key, a token of ours, or one of another issuer. Our signing keys are those of the store, then
/// and now.
class credential_reader : public provider_sign_in {
public:
  credential_reader(pointer self, slot_registry& slots, auth_deps deps)
      : provider_sign_in(self, slots, std::move(deps)), signer_(d_.signer) {}
  using provider_sign_in::on;

  void on(call<authenticate_request>& c, answer<authenticate_reply> a) {
    identify(std::move(c.body.credential.value), c.op, std::move(a));
  }

  void on(call<jwks_request>&, answer<json_reply> a) { a(json_reply{signer_->jwks(unix_now())}); }

  void on(call<verify_request>& c, answer<verify_reply> a) {
    const auto token = std::move(c.body.token.value);
    auto then = to_self<authenticate_reply>([this, token, a = std::move(a)](
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
        if (const auto claims = signer_->verify(token, unix_now())) {
          out.iat = claims->iat;
          out.exp = claims->exp;
        }
      }
      a(std::move(out));
    });
    identify(token, c.op, std::move(then));
  }

protected:
  [[nodiscard]] const token_signer& signer() const noexcept { return *signer_; }

  /// A rotation must be known everywhere before the old key retires (signing_key_overlap).
  void watch_keys() {
    later(keys_watched_every, [this] {
      read_keys();
      watch_keys();
    });
  }

  /// Not found means a wrong credential; a store that is down stays 503.
  static error dead_or(error why, error dead = auth_rules::unknown_credential()) {
    const bool is_dead = why.code == errc::not_found || why.code == errc::conflict;
    return is_dead ? std::move(dead) : std::move(why);
  }

private:
  static constexpr auto keys_watched_every = std::chrono::seconds(20);
  /// Tokens of unknown keys make us look at most so often (seconds).
  static constexpr std::int64_t key_read_pace = 1;
  /// The use of a key is noted to the minute.
  static constexpr std::int64_t key_use_grain = 60;

  /// `then` is an answer<authenticate_reply> or a reply<authenticate_reply>.
  template <class Then>
  void identify(std::string credential, const op_context& op, Then then) {
    if (auth_rules::is_api_key(credential)) return identify_key(credential, std::move(then));
    const auto claims = signer_->verify(credential, unix_now());
    if (claims) return identify_session(*claims, std::move(then));
    if (const auto* from = issuer_of(credential))
      return identify_foreign(*from, std::move(credential), op, std::move(then));
    if (!may_read_keys()) return then.fail(auth_rules::unknown_credential());
    // Another node may have signed it with a key that was made since we looked.
    read_keys([this, credential = std::move(credential),
               then = std::move(then)](const result<void>& read) mutable {
      const auto claims_now = signer_->verify(credential, unix_now());
      if (claims_now) return identify_session(*claims_now, std::move(then));
      then.fail(read ? auth_rules::unknown_credential() : read.error());
    });
  }

  /// Who holds a credential, until the accounts have said all of it.
  struct credential_holder {
    caller who; ///< without what the account says
    std::int64_t expires_at = 0;
    std::string cache_key;
    std::int64_t read_at = 0; ///< Unix seconds, before the accounts were
    bool is_foreign = false;  ///< another issuer vouches for it: no rights of an admin
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
            return then.fail(auth_rules::session_gone()); // keys are never revoked there
          auto known = credential_cache::reply_of(cached->value, expires_at);
          const bool is_fresh = known && known->expires_at > unix_now();
          if (cached->what == cached_session::state::absent || !is_fresh)
            return read(std::move(then));
          then(std::move(*known));
        }));
  }

  template <class Then>
  void identify_foreign(const foreign_issuer& from, std::string token, op_context op, Then then) {
    holder_of(from, std::move(token), std::move(op),
              [this, then = std::move(then)](result<holder> found) mutable {
                if (!found) return then.fail(std::move(found.error()));
                with_user(std::move(found->user_id), {{}, found->expires_at, {}, unix_now(), true},
                          std::move(then));
              });
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
        to_self<session_row>([this, claims, key = std::move(key), read_at = unix_now(),
                              then = std::move(then)](result<session_row> session) mutable {
          if (!session)
            return then.fail(dead_or(std::move(session.error()), auth_rules::session_gone()));
          if (session->revoked || session->user_id != claims.sub)
            return then.fail(auth_rules::session_gone());
          credential_holder found{{}, claims.exp, std::move(key), read_at};
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
        digest, to_self<api_key_row>([this, digest, read_at = unix_now(),
                                      then = std::move(then)](result<api_key_row> row) mutable {
          if (!row) return then.fail(dead_or(std::move(row.error())));
          const auto now = unix_now();
          if (row->expires_at != 0 && row->expires_at <= now)
            return then.fail(auth_rules::unknown_credential());
          if (now - row->last_used_at >= key_use_grain)
            d_.in.keys->touch_key(row->id, now, reply<done>([](const result<done>&) {}));
          credential_holder found{
              {}, row->expires_at, credential_cache::api_key_key(digest), read_at};
          found.who.key = row->id;
          found.who.scopes = std::move(row->scopes);
          found.who.organization = std::move(row->organization);
          with_user(std::move(row->user_id), std::move(found), std::move(then));
        }));
  }

  template <class Then>
  void with_user(std::string user_id, credential_holder found, Then then) {
    d_.in.users->user_by_id(
        std::move(user_id),
        to_self<user_row>([this, found = std::move(found),
                           then = std::move(then)](result<user_row> user) mutable {
          if (!user) return then.fail(dead_or(std::move(user.error())));
          if (account_rules::is_banned(*user, account_rules::now_text()))
            return then.fail(auth_rules::banned());
          auto who = auth_rules::caller_of(*user, std::move(found.who.scopes));
          who.admin = who.admin && !found.is_foreign;
          who.session = std::move(found.who.session);
          who.key = std::move(found.who.key);
          who.organization = std::move(found.who.organization);
          found.who = std::move(who);
          with_caps(std::move(found), std::move(then));
        }));
  }

  template <class Then>
  void with_caps(credential_holder found, Then then) {
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
  void tell(credential_holder found, Then then) {
    // A session has tokens of several ends; its own lies with the one that is asked for.
    const bool is_key = !found.who.key.empty();
    authenticate_reply out{std::move(found.who), is_key ? found.expires_at : 0};
    if (d_.cache && !found.cache_key.empty())
      d_.cache->put(std::move(found.cache_key), credential_cache::value_of(out, found.read_at),
                    limits::auth_cache_ttl, reply<done>([](const result<done>&) {}));
    out.expires_at = found.expires_at;
    then(std::move(out));
  }

  /// Whether the keys in the store may be others than we know: not when we looked a moment ago.
  [[nodiscard]] bool may_read_keys() const {
    return d_.make_signer && (!key_readers_.empty() || unix_now() - keys_read_at_ >= key_read_pace);
  }

  using keys_read = std::move_only_function<void(const result<void>&)>;

  /// Takes the signing keys as they are in the store, then and now: another node may have made one.
  /// Many who ask at once wait for one answer.
  void read_keys(keys_read after = [](const result<void>&) {}) {
    if (!d_.make_signer) return after({});
    if (key_readers_.size() >= limits::store_queue)
      return after(fail(errc::overloaded, "too many requests wait for the signing keys"));
    key_readers_.push_back(std::move(after));
    if (key_readers_.size() > 1) return;
    d_.in.secrets->signing_keys(
        unix_now(), to_self<std::vector<signing_key_row>>(
                        [this](const result<std::vector<signing_key_row>>& rows) {
                          take_keys(rows);
                          const auto read = rows ? result<void>() : std::unexpected(rows.error());
                          for (auto& each : std::exchange(key_readers_, {})) each(read);
                        }));
  }

  void take_keys(const result<std::vector<signing_key_row>>& rows) {
    if (!rows) return log::warn("auth.keys_unread", {{"why", rows.error().message}});
    keys_read_at_ = unix_now();
    auto made = d_.make_signer(*rows);
    if (!made) return log::warn("auth.keys_unusable", {{"why", made.error().message}});
    signer_ = std::move(*made);
  }

  std::shared_ptr<const token_signer> signer_;
  std::int64_t keys_read_at_ = 0; // Unix seconds
  std::vector<keys_read> key_readers_;
};

} // namespace troupe
