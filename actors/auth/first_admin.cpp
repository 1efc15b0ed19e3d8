#include "actors/auth/account_rules.hpp"
#include "actors/auth/auth_actor.hpp"
#include "actors/auth/auth_rules.hpp"
#include "actors/support/unix_time.hpp"

namespace troupe {
namespace {

struct admin_job {
  auth_deps deps;
  std::function<result<void>(const std::string&)> save;
  reply<bool> made;
};

/// The answer comes after the stores are let go of: replies come on a thread of theirs, which must
/// not be the last to hold them, and whoever waits for the answer may let go of them at once.
void finish(const std::shared_ptr<admin_job>& job, result<bool> outcome) {
  auto made = std::move(job->made);
  job->deps = {};
  made(std::move(outcome));
}

void give_key(std::shared_ptr<admin_job> job, const std::string& admin_id) {
  auto key = auth_rules::make_key(admin_id, "first admin key", *job->deps.digest, unix_now());
  if (auto saved = job->save(key.text); !saved)
    return finish(job, std::unexpected(std::move(saved.error())));
  job->deps.in.keys->insert_key(std::move(key.row), reply<done>([job](result<done> stored) {
                                  if (!stored)
                                    return finish(job, std::unexpected(std::move(stored.error())));
                                  finish(job, true);
                                }));
}

void give_key_if_none(std::shared_ptr<admin_job> job, const std::string& admin_id) {
  job->deps.in.keys->list_keys(
      admin_id,
      reply<std::vector<api_key_row>>([job, admin_id](result<std::vector<api_key_row>> keys) {
        if (!keys) return finish(job, std::unexpected(std::move(keys.error())));
        if (!keys->empty()) return finish(job, false);
        give_key(job, admin_id);
      }));
}

/// Another auth process made it between our look and our insert.
void find_others_admin(const std::shared_ptr<admin_job>& job) {
  job->deps.in.users->first_admin(reply<user_row>([job](result<user_row> found) {
    if (!found) return finish(job, std::unexpected(std::move(found.error())));
    give_key_if_none(job, found->id);
  }));
}

} // namespace

void ensure_admin(auth_deps deps, std::function<result<void>(const std::string&)> save,
                  reply<bool> made) {
  auto job = std::make_shared<admin_job>(std::move(deps), std::move(save), std::move(made));
  job->deps.in.users->first_admin(reply<user_row>([job](result<user_row> found) {
    if (found) return give_key_if_none(job, found->id);
    if (found.error().code != errc::not_found)
      return finish(job, std::unexpected(std::move(found.error())));
    auto admin = account_rules::new_user("admin@localhost", "Administrator", {}, true);
    admin.role = "admin";
    auto id = admin.id;
    job->deps.in.users->insert_user(std::move(admin), {},
                                    reply<done>([job, id](result<done> stored) {
                                      if (stored) return give_key_if_none(job, id);
                                      if (stored.error().code == errc::conflict)
                                        return find_others_admin(job);
                                      finish(job, std::unexpected(std::move(stored.error())));
                                    }));
  }));
}

} // namespace troupe
