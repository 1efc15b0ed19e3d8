#pragma once

#include "actors/auth/account_base.hpp"
#include "actors/protocols.hpp"
#include "messages/base/ids.hpp"
#include "messages/validate.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace troupe {

/// Inside actors/auth only: the part of the service accounts that takes over the users of another
/// program. The rows of a request are asked of the store together, so that they share a
/// transaction, and fail alone; only a store that does not answer fails them all. Whoever repeats a
/// request finds what is there already.
class user_import : public account_base<account_service> {
public:
  using account_base::account_base;
  using service_base::on;

  void on(call<import_users_request>& c, answer<import_users_reply> a) {
    auto work = std::make_shared<job>();
    work->in = std::move(c.body);
    work->op = c.op;
    work->reply = std::move(a);
    work->out.data.resize(work->in.users.size());
    work->waiting = work->in.users.size();
    for (std::size_t n = 0; n < work->in.users.size(); ++n) begin(work, n);
  }

private:
  struct job {
    import_users_request in;
    op_context op;
    answer<import_users_reply> reply;
    import_users_reply out;
    std::size_t waiting = 0;
    std::set<std::string> seen;  ///< e-mails of a dry run
    std::optional<error> broken; ///< the store did not answer
  };
  using job_ptr = std::shared_ptr<job>;

  void begin(const job_ptr& work, std::size_t n) {
    const auto& row = work->in.users[n];
    if (auto ok = validate(row); !ok) return refuse(work, n, ok.error());
    const auto& hash = row.password_hash.value;
    if (!hash.empty() && !d_.hasher->knows(hash))
      return refuse(work, n,
                    make_error(errc::invalid_argument,
                               "is of no known format, or dearer than what is verified here",
                               "password_hash"));
    auto user = account_rules::row_of(row);
    if (!user) return refuse(work, n, user.error());
    if (work->in.dry_run) return look(work, n, std::move(*user));
    insert(work, n, std::move(*user));
  }

  void insert(const job_ptr& work, std::size_t n, user_row user, bool again = false) {
    auto after = to_self<done>([this, work, n, user, again](result<done> stored) mutable {
      if (stored) return created(work, n, user);
      const auto& why = stored.error();
      if (why.code == errc::conflict && why.param == "email") return find(work, n, user.email);
      if (why.code != errc::conflict || again) return fail_row(work, n, why);
      user.id = make_uuid(); // its own is taken, or the e-mail since a moment ago
      insert(work, n, std::move(user), true);
    });
    d_.in.users->insert_user(std::move(user), {}, std::move(after));
  }

  void created(const job_ptr& work, std::size_t n, const user_row& user) {
    if (user.role == "admin")
      d_.audit({.event = "accounts.user_created", .user = user.id, .more = {{"role", user.role}}},
               work->op);
    finish(work, n, {"created", user.id, {}, {}});
  }

  /// The account that has the e-mail already.
  void find(const job_ptr& work, std::size_t n, const std::string& email) {
    d_.in.users->user_by_email(email, to_self<user_row>([this, work, n](result<user_row> there) {
                                 if (!there) return fail_row(work, n, there.error());
                                 exists(work, n, *there);
                               }));
  }

  void look(const job_ptr& work, std::size_t n, user_row user) {
    const bool first = work->seen.insert(email_key(user.email)).second;
    auto email = user.email;
    d_.in.users->user_by_email(std::move(email),
                               to_self<user_row>([this, work, n, first](result<user_row> there) {
                                 if (there) return exists(work, n, *there);
                                 if (there.error().code != errc::not_found)
                                   return fail_row(work, n, there.error());
                                 finish(work, n, {first ? "created" : "exists", {}, {}, {}});
                               }));
  }

  void exists(const job_ptr& work, std::size_t n, const user_row& there) {
    const auto& in = work->in.users[n];
    auto changed = there;
    if (!work->in.update) return finish(work, n, {"exists", there.id, {}, {}});
    if (auto ok = account_rules::apply(in, changed); !ok) return refuse(work, n, ok.error());
    if (there.id == work->op.who.user && changed.role != there.role)
      return refuse(
          work, n,
          make_error(errc::conflict, "is yours: nobody changes their own role", "account_role"));
    if (changed.role == "admin" && there.role != "admin")
      return refuse(work, n,
                    make_error(errc::conflict,
                               "an account that is here already is not made an admin by an import: "
                               "do it with PATCH /v1/admin/users/{id}",
                               "account_role"));
    if (account_rules::is_same(changed, there))
      return finish(work, n, {"exists", there.id, {}, {}});
    if (work->in.dry_run) return finish(work, n, {"updated", there.id, {}, {}});
    change_user(
        there.id, [in](user_row& row) { return account_rules::apply(in, row); },
        [this, work, n, role = there.role](result<user_row> row) {
          if (!row) return fail_row(work, n, row.error());
          if (row->role == role) return finish(work, n, {"updated", row->id, {}, {}});
          changed_role(work, n, *row);
        });
  }

  /// What runs under the old role ends.
  void changed_role(const job_ptr& work, std::size_t n, const user_row& row) {
    d_.audit({.event = "accounts.user_changed", .user = row.id, .more = {{"role", row.role}}},
             work->op);
    end_sessions(row.id, {}, [this, work, n, id = row.id](result<done> ended) {
      if (!ended) return fail_row(work, n, ended.error());
      finish(work, n, {"updated", id, {}, {}});
    });
  }

  void refuse(const job_ptr& work, std::size_t n, const error& why) {
    const auto prefix = why.param + ": ";
    const auto reason =
        std::string_view(why.message).substr(why.message.starts_with(prefix) ? prefix.size() : 0);
    finish(work, n, {"failed", {}, why.param, std::string(reason)});
  }
  /// The store's error is the row's own, or that of all.
  void fail_row(const job_ptr& work, std::size_t n, const error& why) {
    if (!is_retriable(why.code)) return refuse(work, n, why);
    work->broken = why;
    finish(work, n, {});
  }

  void finish(const job_ptr& work, std::size_t n, import_outcome outcome) {
    work->out.data[n] = std::move(outcome);
    if (--work->waiting > 0) return;
    if (work->broken) return work->reply.fail(std::move(*work->broken));
    if (!work->in.dry_run) tell(*work);
    work->reply(std::move(work->out));
  }

  void tell(const job& work) {
    audit_event event{.event = "accounts.users_imported"};
    for (const auto status : {"created", "updated", "failed"}) {
      const auto count = std::ranges::count(work.out.data, status, &import_outcome::status);
      event.more.emplace_back(status, std::to_string(count));
    }
    d_.audit(event, work.op);
  }
};

} // namespace troupe
