#include "actors/auth/foreign_accounts.hpp"

#include "actors/support/unix_time.hpp"

#include <utility>

namespace troupe {

foreign_accounts::foreign_accounts(pointer self, slot_registry& slots, auth_deps deps)
    : sign_in_flows(self, slots, std::move(deps)), issuers_(d_.issuers, surroundings()) {}

foreign_issuers::surroundings foreign_accounts::surroundings() {
  return {.claimed_issuer = d_.claimed_issuer,
          .fetch =
              [this](fetch_request wish, foreign_issuers::after<fetch_reply> then) {
                d_.fetch->fetch(std::move(wish), to_self<fetch_reply>(std::move(then)));
              },
          .later = [this](std::chrono::milliseconds delay,
                          std::function<void()> work) { later(delay, std::move(work)); },
          .unix_now = unix_now,
          .steady_now = std::chrono::steady_clock::now};
}

void foreign_accounts::holder_of(const foreign_issuer& from, std::string token, op_context op,
                                 continuation<holder> then) {
  claims_of(from, std::move(token),
            [this, from = &from, op = std::move(op),
             then = std::move(then)](result<foreign_claims> claims) mutable {
              if (!claims) return then(std::unexpected(std::move(claims.error())));
              enter(*from, std::move(*claims), std::move(op), std::move(then));
            });
}

void foreign_accounts::find(arrival who) {
  const auto provider = who.from->name, subject = who.claims.sub;
  d_.in.identities->identity(
      provider, subject,
      to_self<identity_row>([this, who = std::move(who)](result<identity_row> row) mutable {
        if (row) return who.then(holder{std::move(row->user_id), who.claims.exp});
        if (row.error().code != errc::not_found)
          return who.then(std::unexpected(std::move(row.error())));
        first_sight(std::move(who));
      }));
}

void foreign_accounts::first_sight(arrival who) {
  const auto email = issuer_rules::trusted_email(who.claims);
  if (email.empty() && who.from->require_email_verified)
    return who.then(std::unexpected(issuer_rules::email_not_verified()));
  if (email.empty()) return create(std::move(who));
  d_.in.users->user_by_email(
      email, to_self<user_row>([this, who = std::move(who)](result<user_row> row) mutable {
        if (row) return link(std::move(who), *row);
        if (row.error().code != errc::not_found)
          return who.then(std::unexpected(std::move(row.error())));
        create(std::move(who));
      }));
}

void foreign_accounts::create(arrival who) {
  if (!who.from->create_accounts) return who.then(std::unexpected(issuer_rules::no_account()));
  auto row = issuer_rules::new_user(*who.from, who.claims);
  std::vector<identity_row> identities{issuer_rules::new_identity(*who.from, who.claims, row.id)};
  auto id = row.id;
  d_.in.users->insert_user(
      std::move(row), std::move(identities),
      to_self<done>([this, who = std::move(who), id = std::move(id)](result<done> r) mutable {
        finish(std::move(who), "auth.foreign_first_seen", std::move(id), r);
      }));
}

void foreign_accounts::link(arrival who, const user_row& account) {
  if (auto may = issuer_rules::may_link(*who.from, account); !may) {
    // Another first token of the same subject may have made this very account since we looked.
    if (!std::exchange(who.looked_again, true)) return find(std::move(who));
    return who.then(std::unexpected(std::move(may.error())));
  }
  auto identity = issuer_rules::new_identity(*who.from, who.claims, account.id);
  d_.in.identities->insert_identity(
      std::move(identity),
      to_self<done>([this, who = std::move(who), id = account.id](result<done> r) mutable {
        finish(std::move(who), "auth.foreign_linked", std::move(id), r);
      }));
}

void foreign_accounts::finish(arrival who, const char* event, std::string user_id,
                              const result<done>& stored) {
  if (!stored) {
    if (stored.error().code != errc::conflict || --who.tries == 0)
      return who.then(std::unexpected(stored.error()));
    return find(std::move(who));
  }
  d_.audit({.event = event,
            .user = user_id,
            .more = {{"issuer", who.from->name}, {"subject", who.claims.sub}}},
           who.op);
  who.then(holder{std::move(user_id), who.claims.exp});
}

} // namespace troupe
