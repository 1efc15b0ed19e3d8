#include "actors/auth/account_base.hpp"
#include "actors/auth/auth_actor.hpp"
#include "actors/auth/auth_rules.hpp"
#include "actors/support/unix_time.hpp"
#include "messages/scopes.hpp"

#include <algorithm>

namespace troupe {
namespace {

class key_impl final : public account_base<key_service> {
public:
  static inline const char* actor_name = "keys";

  using account_base::account_base;
  using service_base::on;

  void on(call<create_key_request>& c, answer<api_key_view> a) {
    auto& in = c.body;
    if (auto ok = may_grant(c.op.who, in.scopes); !ok) return a.fail(std::move(ok.error()));
    const auto owner = owner_of(c.op.who, in.user);
    const bool for_another = owner != c.op.who.user;
    auto key = auth_rules::make_key(owner, std::move(in.name), *d_.digest, unix_now());
    key.row.scopes = std::move(in.scopes);
    key.row.organization = std::move(in.organization);
    if (in.expires_in != 0) key.row.expires_at = unix_now() + in.expires_in;
    if (!for_another && key.row.organization.empty())
      return insert(std::move(key), std::move(c.op), std::move(a));
    check_owner(std::move(key), std::move(c.op), std::move(a));
  }

  void on(call<list_keys_request>& c, answer<api_key_list> a) {
    d_.in.keys->list_keys(owner_of(c.op.who, c.body.user),
                          to_self<std::vector<api_key_row>>(
                              [a = std::move(a)](result<std::vector<api_key_row>> rows) mutable {
                                if (!rows) return a.fail(std::move(rows.error()));
                                api_key_list list;
                                for (const auto& row : *rows)
                                  list.data.push_back(auth_rules::view_of(row));
                                a(std::move(list));
                              }));
  }

  void on(call<update_key_request>& c, answer<api_key_view> a) {
    auto& in = c.body;
    if (in.scopes)
      if (auto ok = may_grant(c.op.who, *in.scopes); !ok) return a.fail(std::move(ok.error()));
    api_key_change change{std::move(in.name), std::move(in.scopes), {}};
    if (in.expires_in) change.expires_at = *in.expires_in == 0 ? 0 : unix_now() + *in.expires_in;
    d_.in.keys->change_key(
        owner_of(c.op.who, in.user), in.id, std::move(change),
        to_self<api_key_row>([this, op = c.op, a = std::move(a)](result<api_key_row> row) mutable {
          if (!row) return a.fail(std::move(row.error()));
          note("keys.changed", *row, op);
          a(auth_rules::view_of(*row));
        }));
  }

  /// The new key is there before the old one is given its end.
  void on(call<rotate_key_request>& c, answer<api_key_view> a) {
    d_.in.keys->key_by_id(
        owner_of(c.op.who, c.body.user), c.body.id,
        to_self<api_key_row>([this, op = c.op, overlap = c.body.overlap,
                              a = std::move(a)](result<api_key_row> old) mutable {
          if (!old) return a.fail(std::move(old.error()));
          const auto now = unix_now();
          if (old->expires_at != 0 && old->expires_at <= now)
            return a.fail(make_error(errc::conflict, "the key has expired: create another one"));
          if (auto ok = may_grant(op.who, old->scopes); !ok) return a.fail(std::move(ok.error()));
          auto key = auth_rules::make_key(old->user_id, old->name, *d_.digest, now);
          key.row.scopes = old->scopes;
          key.row.organization = old->organization;
          insert(std::move(key), op,
                 [this, op, owner = old->user_id, id = old->id, end = end_of(*old, now + overlap),
                  a = std::move(a)](result<api_key_view> made) mutable {
                   if (!made) return a.fail(std::move(made.error()));
                   retire(owner, std::move(id), end, op, std::move(*made), std::move(a));
                 });
        }));
  }

  void on(call<revoke_key_request>& c, answer<deleted_reply> a) {
    deleted_reply gone{c.body.id, "api_key.deleted", true};
    auto owner = owner_of(c.op.who, c.body.user);
    d_.in.keys->revoke_key(
        owner, c.body.id,
        to_self<done>([this, op = c.op, owner, a = std::move(a),
                       gone = std::move(gone)](result<done> r) mutable {
          if (!r) return a.fail(std::move(r.error()));
          d_.audit({.event = "keys.revoked", .user = owner, .more = {{"id", gone.id}}}, op);
          a(std::move(gone));
        }));
  }

  void on(call<ping_request>&, answer<ping_reply> a) { a(ping_reply{true, {}}); }

private:
  /// Whose keys it is about: an admin may name another user, for anyone else the name counts for
  /// nothing.
  static std::string owner_of(const caller& who, const std::string& user) {
    return who.admin && !user.empty() ? user : who.user;
  }

  /// Nobody gives a key more than they have.
  static result<void> may_grant(const caller& who, const std::vector<std::string>& wanted) {
    const auto refuse = [](const std::string& what) {
      return fail(errc::forbidden, "scopes: a key cannot have more than its maker: " + what,
                  "scopes");
    };
    if (wanted.empty() && !who.scopes.empty()) return refuse("name them");
    for (const auto& scope : wanted)
      if (!has_scope(who.scopes, scope) || (scope == "admin" && !who.admin)) return refuse(scope);
    return {};
  }

  static std::int64_t end_of(const api_key_row& old, std::int64_t wanted) {
    return old.expires_at == 0 ? wanted : std::min(old.expires_at, wanted);
  }

  /// The owner must be there, and a member of the key's organisation.
  void check_owner(auth_rules::new_key key, op_context op, answer<api_key_view> a) {
    auto owner = key.row.user_id;
    d_.in.users->user_by_id(owner,
                            to_self<user_row>([this, key = std::move(key), op = std::move(op),
                                               a = std::move(a)](result<user_row> user) mutable {
                              if (!user) return a.fail(named(std::move(user.error()), "user"));
                              if (key.row.organization.empty())
                                return insert(std::move(key), std::move(op), std::move(a));
                              check_membership(std::move(key), std::move(op), std::move(a));
                            }));
  }

  void check_membership(auth_rules::new_key key, op_context op, answer<api_key_view> a) {
    auto id = key.row.organization;
    auto owner = key.row.user_id;
    d_.in.organizations->organization(
        std::move(id), std::move(owner),
        to_self<organization_row>([this, key = std::move(key), op = std::move(op),
                                   a = std::move(a)](result<organization_row> found) mutable {
          if (!found) return a.fail(named(std::move(found.error()), "organization"));
          if (found->role.empty())
            return a.fail(make_error(errc::invalid_argument,
                                     "organization: the key's owner is no member of it",
                                     "organization"));
          insert(std::move(key), std::move(op), std::move(a));
        }));
  }

  static error named(error why, const char* field) {
    if (why.code != errc::not_found) return why;
    return make_error(errc::invalid_argument, std::string(field) + ": " + why.message, field);
  }

  void insert(auth_rules::new_key key, op_context op, continuation<api_key_view> after) {
    auto view = auth_rules::view_of(key.row);
    view.key = std::move(key.text);
    d_.in.keys->insert_key(
        key.row, to_self<done>([this, row = key.row, op = std::move(op), after = std::move(after),
                                view = std::move(view)](result<done> stored) mutable {
          if (!stored) return after(std::unexpected(std::move(stored.error())));
          note("keys.created", row, op);
          after(std::move(view));
        }));
  }

  void retire(std::string owner, std::string id, std::int64_t end, const op_context& op,
              api_key_view made, answer<api_key_view> a) {
    d_.in.keys->change_key(
        std::move(owner), std::move(id), {.name = {}, .scopes = {}, .expires_at = end},
        to_self<api_key_row>(
            [this, op, made = std::move(made), a = std::move(a)](result<api_key_row> old) mutable {
              if (!old) return a.fail(std::move(old.error()));
              note("keys.rotated", *old, op);
              a(std::move(made));
            }));
  }

  void note(std::string_view event, const api_key_row& row, const op_context& op) {
    d_.audit({.event = event, .user = row.user_id, .more = {{"id", row.id}}}, op);
  }
};

} // namespace

key_service::actor spawn_keys(caf::actor_system& system, auth_deps deps) {
  return spawn_service<key_service, key_impl>(system, std::move(deps));
}

} // namespace troupe
