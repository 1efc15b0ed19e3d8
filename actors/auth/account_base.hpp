#pragma once

#include "actors/auth/account_rules.hpp"
#include "actors/auth/auth_deps.hpp"
#include "actors/auth/credential_cache.hpp"
#include "actors/support/service.hpp"
#include "messages/base/ids.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// Inside actors/auth only: what its services share.
template <class Protocol>
class account_base : public service_base<Protocol> {
public:
  using base = service_base<Protocol>;

  account_base(typename base::pointer self, slot_registry& slots, auth_deps deps)
      : base(self, slots), d_(std::move(deps)) {}

protected:
  template <class T>
  using continuation = std::move_only_function<void(result<T>)>;
  using user_change = std::function<result<void>(user_row&)>;

  /// Reads an account, changes it and puts it back; anew when it changed meanwhile.
  void change_user(std::string id, user_change what, continuation<user_row> after, int tries = 3) {
    d_.in.users->user_by_id(id, this->template to_self<user_row>([this, id, what = std::move(what),
                                                                  after = std::move(after), tries](
                                                                     result<user_row> row) mutable {
      if (!row) return after(std::move(row));
      const auto before = row->updated_at;
      if (auto ok = what(*row); !ok) return after(std::unexpected(std::move(ok.error())));
      row->updated_at = account_rules::now_text();
      put_back(std::move(*row), before, std::move(what), std::move(after), tries);
    }));
  }

  /// The account as its owner or an admin sees it.
  void show(user_row row, continuation<user_view> after) {
    auto id = row.id;
    d_.in.identities->identities_of(
        std::move(id),
        this->template to_self<std::vector<identity_row>>(
            [row = std::move(row),
             after = std::move(after)](result<std::vector<identity_row>> identities) mutable {
              if (!identities) return after(std::unexpected(std::move(identities.error())));
              after(account_rules::view_of(row, *identities, account_rules::now_text()));
            }));
  }

  /// These sessions have ended: nobody takes them from the cache any more. Without it they live on
  /// for limits::auth_cache_ttl at most.
  void drop_from_cache(const std::vector<std::string>& sessions,
                       std::move_only_function<void()> then) {
    if (!d_.cache || sessions.empty()) return then();
    std::vector<std::string> keys;
    for (const auto& id : sessions)
      if (keys.size() < limits::session_revoke_keys)
        keys.push_back(credential_cache::session_key(id));
    d_.cache->revoke(std::move(keys), credential_cache::revoked_for,
                     this->template to_self<done>(
                         [then = std::move(then)](const result<done>&) mutable { then(); }));
  }

  /// For whoever changed what the sessions were opened with.
  void end_sessions_and_show(user_row row, std::string except, continuation<user_view> after) {
    auto id = row.id;
    end_sessions(
        std::move(id), std::move(except),
        [this, row = std::move(row), after = std::move(after)](result<done> ended) mutable {
          if (!ended) return after(std::unexpected(std::move(ended.error())));
          show(std::move(row), std::move(after));
        });
  }

  /// What was mailed for an account, or handed over in a URL, proves nothing any more: rows that
  /// are over take the place.
  void end_mail_tokens(const std::string& user_id) {
    using enum mail_kind;
    for (const auto kind :
         {sign_in_rules::stored_as(recovery), sign_in_rules::stored_as(magic_link),
          sign_in_rules::stored_as(email_change), pkce_flow::code_kind})
      d_.in.one_time->put({.hash = d_.digest->sha256_hex(make_uuid()),
                           .kind = std::string(kind),
                           .user_id = user_id,
                           .email = {},
                           .extra = {}},
                          true, reply<done>([](const result<done>&) {}));
  }

  /// All of the user but `except` (empty: all).
  void end_sessions(std::string user_id, std::string except, continuation<done> after) {
    d_.in.sessions->revoke_sessions(
        std::move(user_id), std::move(except),
        this->template to_self<std::vector<std::string>>(
            [this, after = std::move(after)](result<std::vector<std::string>> ended) mutable {
              if (!ended) return after(std::unexpected(std::move(ended.error())));
              drop_from_cache(*ended, [after = std::move(after)]() mutable { after(done{}); });
            }));
  }

  auth_deps d_;

private:
  void put_back(user_row row, const std::string& before, user_change what,
                continuation<user_row> after, int tries) {
    d_.in.users->replace_user(
        row, before,
        this->template to_self<done>([this, row, what = std::move(what), after = std::move(after),
                                      tries](result<done> stored) mutable {
          if (stored) return after(std::move(row));
          const auto& why = stored.error();
          const bool raced = why.code == errc::conflict && why.param.empty();
          if (!raced || tries == 0) return after(std::unexpected(std::move(stored.error())));
          change_user(row.id, std::move(what), std::move(after), tries - 1);
        }));
  }
};

} // namespace troupe
