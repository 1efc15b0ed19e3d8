#include "actors/auth/account_links.hpp"
#include "actors/auth/auth_actor.hpp"
#include "actors/support/unix_time.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/log.hpp"

namespace troupe {
namespace {

using account_rules::now_text;
using account_rules::organization_act;
using account_rules::view_of;

/// Nobody takes the user for signed in any more.
constexpr auto purge_again_after = limits::auth_cache_ttl + std::chrono::seconds(1);

struct account_deps {
  auth_deps own;
  service_handles others;
};

class account_impl final : public account_links {
public:
  static inline const char* actor_name = "accounts";

  account_impl(pointer self, slot_registry& slots, account_deps deps)
      : account_links(self, slots, std::move(deps.own)), others_(std::move(deps.others)) {}
  using account_links::on;

  // users, for admins

  void on(call<list_users_request>& c, answer<user_list> a) {
    const auto& in = c.body;
    d_.in.users->list_users(
        {in.q, in.offset, in.limit},
        to_self<user_page>([a = std::move(a), offset = in.offset](result<user_page> page) mutable {
          if (!page) return a.fail(std::move(page.error()));
          user_list out;
          const auto now = now_text();
          for (const auto& row : page->rows) out.data.push_back(view_of(row, {}, now));
          out.total = page->total;
          out.has_more = offset + page->rows.size() < page->total;
          a(std::move(out));
        }));
  }

  void on(call<create_user_request>& c, answer<user_view> a) {
    auto password = std::move(c.body.password);
    if (password.value.empty()) return create(std::move(c.body), {}, c.op, std::move(a));
    d_.hasher->hash(std::move(password),
                    to_self<std::string>([this, in = std::move(c.body), op = c.op,
                                          a = std::move(a)](result<std::string> hash) mutable {
                      if (!hash) return a.fail(std::move(hash.error()));
                      create(std::move(in), std::move(*hash), op, std::move(a));
                    }));
  }

  void on(call<get_user_request>& c, answer<user_view> a) {
    d_.in.users->user_by_id(
        c.body.id, to_self<user_row>([this, a = std::move(a)](result<user_row> row) mutable {
          if (!row) return a.fail(std::move(row.error()));
          show(std::move(*row), std::move(a));
        }));
  }

  void on(call<update_user_request>& c, answer<user_view> a) {
    if (c.body.id == c.op.who.user && takes_own_rights(c.body))
      return a.fail(make_error(errc::conflict,
                               "nobody takes their own admin rights or bans themselves: ask "
                               "another admin"));
    auto password = std::move(c.body.password);
    if (password.value.empty()) return update(std::move(c.body), {}, c.op, std::move(a));
    d_.hasher->hash(std::move(password),
                    to_self<std::string>([this, in = std::move(c.body), op = c.op,
                                          a = std::move(a)](result<std::string> hash) mutable {
                      if (!hash) return a.fail(std::move(hash.error()));
                      update(std::move(in), std::move(*hash), op, std::move(a));
                    }));
  }

  /// Banned first, so that nothing of it begins anew; then goes what it owns; its account goes
  /// last, so that a deletion that was cut short can be asked for again.
  void on(call<delete_user_request>& c, answer<deleted_reply> a) {
    if (c.body.id == c.op.who.user)
      return a.fail(make_error(errc::conflict, "nobody deletes themselves: ask another admin"));
    change_user(
        c.body.id,
        [](user_row& row) {
          row.banned_until = account_rules::for_good;
          return result<void>();
        },
        [this, op = c.op, a = std::move(a)](result<user_row> row) mutable {
          if (!row) return a.fail(std::move(row.error()));
          d_.audit({.event = "accounts.user_deleted", .user = row->id}, op);
          end_sessions(
              row->id, {}, [this, id = row->id, a = std::move(a)](result<done> ended) mutable {
                if (!ended) return a.fail(std::move(ended.error()));
                purge(id, [this, id, a = std::move(a)](result<done> purged) mutable {
                  if (!purged) return a.fail(std::move(purged.error()));
                  later(purge_again_after, [this, id] { purge_rest(id); });
                  d_.in.users->delete_user(id, gone({id, "user.deleted", true}, std::move(a)));
                });
              });
        });
  }

  void on(call<end_sessions_request>& c, answer<done> a) {
    d_.audit({.event = "accounts.sessions_ended", .user = c.body.id}, c.op);
    end_sessions(c.body.id, {}, std::move(a));
  }

  // signing keys, for admins

  void on(call<list_signing_keys_request>&, answer<signing_key_list> a) {
    d_.in.secrets->signing_keys(
        unix_now(), to_self<std::vector<signing_key_row>>(
                        [a = std::move(a)](result<std::vector<signing_key_row>> rows) mutable {
                          if (!rows) return a.fail(std::move(rows.error()));
                          signing_key_list out;
                          for (const auto& row : *rows) out.data.push_back(view_of(row));
                          a(std::move(out));
                        }));
  }

  void on(call<rotate_signing_key_request>& c, answer<signing_key_view> a) {
    if (!d_.new_signing_key)
      return a.fail(make_error(errc::conflict,
                               "tokens are signed with the configured secret (auth.jwt_secret): "
                               "rotate it there"));
    auto row = d_.new_signing_key();
    d_.audit({.event = "accounts.signing_key_rotated", .more = {{"id", row.kid}}}, c.op);
    d_.in.secrets->add_signing_key(
        row, row.created_at + limits::signing_key_overlap.count(),
        to_self<done>([a = std::move(a), view = view_of(row)](result<done> stored) mutable {
          if (!stored) return a.fail(std::move(stored.error()));
          a(std::move(view));
        }));
  }

  // caps, for admins

  void on(call<put_caps_request>& c, answer<caps_view> a) {
    auto row = account_rules::row_of(c.body);
    d_.audit({.event = "accounts.caps_changed", .more = {{"subject", row.subject}}}, c.op);
    d_.in.caps->put_caps(row, to_self<done>([a = std::move(a), row](result<done> stored) mutable {
                           if (!stored) return a.fail(std::move(stored.error()));
                           a(view_of(row));
                         }));
  }

  void on(call<get_caps_request>& c, answer<caps_view> a) {
    d_.in.caps->caps_of({c.body.subject}, to_self<std::vector<caps_row>>(
                                              [a = std::move(a), subject = c.body.subject](
                                                  result<std::vector<caps_row>> rows) mutable {
                                                if (!rows) return a.fail(std::move(rows.error()));
                                                caps_row none;
                                                none.subject = subject;
                                                a(view_of(rows->empty() ? none : rows->front()));
                                              }));
  }

  // organisations

  void on(call<create_organization_request>& c, answer<organization_view> a) {
    organization_row row{make_id("org_"), std::move(c.body.name), unix_now(), "owner"};
    d_.audit({.event = "organizations.created", .more = {{"organization", row.id}}}, c.op);
    d_.in.organizations->insert_organization(
        row, c.op.who.user, to_self<done>([row, a = std::move(a)](result<done> stored) mutable {
          if (!stored) return a.fail(std::move(stored.error()));
          a(view_of(row));
        }));
  }

  void on(call<list_organizations_request>& c, answer<organization_list> a) {
    const bool all = c.body.all && c.op.who.admin;
    d_.in.organizations->list_organizations(
        all ? std::string() : c.op.who.user,
        to_self<std::vector<organization_row>>(
            [a = std::move(a)](result<std::vector<organization_row>> rows) mutable {
              if (!rows) return a.fail(std::move(rows.error()));
              organization_list out;
              for (const auto& row : *rows) out.data.push_back(view_of(row));
              a(std::move(out));
            }));
  }

  void on(call<get_organization_request>& c, answer<organization_view> a) {
    allowed(c.op.who, c.body.id, organization_act::read,
            [a = std::move(a)](result<organization_row> row) mutable {
              if (!row) return a.fail(std::move(row.error()));
              a(view_of(*row));
            });
  }

  void on(call<update_organization_request>& c, answer<organization_view> a) {
    allowed(c.op.who, c.body.id, organization_act::rename,
            [this, name = std::move(c.body.name),
             a = std::move(a)](result<organization_row> row) mutable {
              if (!row) return a.fail(std::move(row.error()));
              row->name = name;
              d_.in.organizations->rename_organization(
                  row->id, std::move(name),
                  to_self<done>([row = *row, a = std::move(a)](result<done> stored) mutable {
                    if (!stored) return a.fail(std::move(stored.error()));
                    a(view_of(row));
                  }));
            });
  }

  void on(call<delete_organization_request>& c, answer<deleted_reply> a) {
    allowed(c.op.who, c.body.id, organization_act::end,
            [this, op = c.op, a = std::move(a)](result<organization_row> row) mutable {
              if (!row) return a.fail(std::move(row.error()));
              d_.audit({.event = "organizations.deleted", .more = {{"organization", row->id}}}, op);
              d_.in.organizations->delete_organization(
                  row->id, gone({row->id, "organization.deleted", true}, std::move(a)));
            });
  }

  void on(call<list_members_request>& c, answer<member_list> a) {
    allowed(c.op.who, c.body.id, organization_act::read,
            [this, a = std::move(a)](result<organization_row> row) mutable {
              if (!row) return a.fail(std::move(row.error()));
              d_.in.organizations->list_members(
                  row->id, to_self<std::vector<member_row>>(
                               [a = std::move(a)](result<std::vector<member_row>> rows) mutable {
                                 if (!rows) return a.fail(std::move(rows.error()));
                                 member_list out;
                                 for (const auto& member : *rows)
                                   out.data.push_back(view_of(member));
                                 a(std::move(out));
                               }));
            });
  }

  void on(call<put_member_request>& c, answer<done> a) {
    auto& in = c.body;
    with_member(c.op.who, in.id, in.user_id, in.role,
                [this, op = c.op, in, a = std::move(a)](result<done> may) mutable {
                  if (!may) return a.fail(std::move(may.error()));
                  d_.audit({.event = "organizations.member_put",
                            .user = in.user_id,
                            .more = {{"organization", in.id}, {"role", in.role}}},
                           op);
                  d_.in.organizations->put_member(in.id, {in.user_id, {}, in.role, unix_now()},
                                                  pass_on(std::move(a)));
                });
  }

  void on(call<remove_member_request>& c, answer<deleted_reply> a) {
    auto& in = c.body;
    auto remove = [this, op = c.op, in, a = std::move(a)](result<done> may) mutable {
      if (!may) return a.fail(std::move(may.error()));
      d_.audit({.event = "organizations.member_removed",
                .user = in.user_id,
                .more = {{"organization", in.id}}},
               op);
      d_.in.organizations->remove_member(
          in.id, in.user_id, gone({in.user_id, "organization.member.deleted", true}, std::move(a)));
    };
    if (in.user_id == c.op.who.user) return remove(done{}); // anyone may leave
    with_member(c.op.who, in.id, in.user_id, {}, std::move(remove));
  }

  void on(call<ping_request>&, answer<ping_reply> a) { a(ping_reply{true, {}}); }

private:
  static bool takes_own_rights(const update_user_request& in) {
    return (in.account_role && *in.account_role != "admin") || in.banned_for.value_or(0) != 0;
  }

  /// All that the user owns in the other services: chats before logs, for they leave records there.
  void purge(const std::string& user, continuation<done> after) {
    purge_in(others_.retrieval, purge_documents_request{user},
             [this, user, after = std::move(after)](result<done> r) mutable {
               if (!r) return after(std::move(r));
               purge_in(others_.prompt, purge_conversations_request{user},
                        [this, user, after = std::move(after)](result<done> q) mutable {
                          if (!q) return after(std::move(q));
                          purge_in(others_.log, purge_logs_request{user}, std::move(after));
                        });
             });
  }

  template <class Handle, class Request>
  void purge_in(const Handle& service, Request what, continuation<done> after) {
    ask_itself(service, std::move(what),
               [after = std::move(after)](outcome<purge_reply> r) mutable {
                 if (!r) return after(std::unexpected(std::move(r.error())));
                 after(done{});
               });
  }

  /// What other nodes still let in while they remembered the user's credentials.
  void purge_rest(const std::string& user) {
    purge(user, [user](const result<done>& r) {
      if (!r) log::warn("accounts.rest_unpurged", {{"user", user}, {"why", r.error().message}});
    });
  }

  void create(create_user_request in, std::string hash, const op_context& op, answer<user_view> a) {
    auto row = account_rules::new_user(std::move(in.email), std::move(in.name), std::move(hash),
                                       in.email_confirmed);
    row.role = std::move(in.account_role);
    if (!in.app_metadata.empty()) row.app_metadata = std::move(in.app_metadata);
    row.user_metadata = std::move(in.user_metadata);
    d_.in.users->insert_user(
        row, {}, to_self<done>([this, row, op, a = std::move(a)](result<done> stored) mutable {
          if (!stored) return a.fail(std::move(stored.error()));
          d_.audit({.event = "accounts.user_created", .user = row.id, .more = {{"role", row.role}}},
                   op);
          a(view_of(row, {}, now_text()));
        }));
  }

  /// A new password, another role or a ban ends what runs under the old one.
  void update(update_user_request in, std::string hash, const op_context& op, answer<user_view> a) {
    auto id = in.id;
    const bool ends = !hash.empty() || in.account_role || in.banned_for.value_or(0) != 0;
    change_user(
        std::move(id),
        [in = std::move(in), hash = std::move(hash)](user_row& row) {
          if (!hash.empty()) row.password_hash = hash;
          return account_rules::apply(in, row);
        },
        [this, ends, op, a = std::move(a)](result<user_row> row) mutable {
          if (!row) return a.fail(std::move(row.error()));
          d_.audit({.event = "accounts.user_changed", .user = row->id}, op);
          if (!ends) return show(std::move(*row), std::move(a));
          end_mail_tokens(row->id);
          end_sessions_and_show(std::move(*row), {}, std::move(a));
        });
  }

  /// The organisation, when the caller may do this to it. To those who are no members it does not
  /// exist.
  void allowed(const caller& who, std::string id, organization_act act,
               continuation<organization_row> after) {
    d_.in.organizations->organization(
        std::move(id), who.user,
        to_self<organization_row>([is_admin = who.admin, act,
                                   after = std::move(after)](result<organization_row> row) mutable {
          if (!row) return after(std::move(row));
          if (is_admin || account_rules::may(row->role, act)) return after(std::move(row));
          if (row->role.empty()) return after(fail(errc::not_found, "no such organization"));
          after(fail(errc::forbidden,
                     "your role in this organization, " + row->role + ", does not allow that"));
        }));
  }

  /// Whether the caller may give this member this role (empty: take any): who touches an owner must
  /// be one.
  void with_member(const caller& who, const std::string& id, const std::string& user_id,
                   const std::string& role, continuation<done> after) {
    d_.in.organizations->organization(
        id, user_id,
        to_self<organization_row>(
            [this, who, role, after = std::move(after)](result<organization_row> of) mutable {
              if (!of) return after(std::unexpected(std::move(of.error())));
              const bool owner = of->role == "owner" || role == "owner";
              allowed(who, of->id,
                      owner ? organization_act::manage_owners : organization_act::manage_members,
                      [after = std::move(after)](result<organization_row> own) mutable {
                        if (!own) return after(std::unexpected(std::move(own.error())));
                        after(done{});
                      });
            }));
  }

  [[nodiscard]] reply<done> gone(deleted_reply what, answer<deleted_reply> a) {
    return to_self<done>([what = std::move(what), a = std::move(a)](result<done> r) mutable {
      if (!r) return a.fail(std::move(r.error()));
      a(std::move(what));
    });
  }

  service_handles others_;
};

} // namespace

account_service::actor spawn_accounts(caf::actor_system& system, auth_deps deps,
                                      service_handles others) {
  return spawn_service<account_service, account_impl>(
      system, account_deps{std::move(deps), std::move(others)});
}

} // namespace troupe
