#include "adapters/memory/memory_stores.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace troupe {
namespace {

std::string lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

std::unexpected<error> none(const char* what) { return fail(errc::not_found, what); }

class memory_users final : public user_store {
public:
  void insert_user(user_row row, reply<done> answer) override { answer(insert(std::move(row))); }
  void user_by_email(std::string email, reply<user_row> answer) override {
    answer(find([&](const user_row& u) { return lower(u.email) == lower(email); }));
  }
  void user_by_id(std::string id, reply<user_row> answer) override {
    answer(find([&](const user_row& u) { return u.id == id; }));
  }
  void first_admin(reply<user_row> answer) override {
    answer(find([](const user_row& u) { return u.admin; }));
  }

  void insert_session(session_row row, reply<done> answer) override {
    {
      const std::lock_guard lock(mutex_);
      auto id = row.id;
      sessions_[std::move(id)] = std::move(row);
    }
    answer(done{});
  }
  void session_by_id(std::string id, reply<session_row> answer) override {
    answer(find_session([&](const session_row& s) { return s.id == id; }));
  }
  void session_by_refresh(std::string hash, reply<session_row> answer) override {
    const auto spent = find_spent(hash);
    auto found = find_session([&](const session_row& s) { return s.refresh_hash == hash || s.id == spent.first; });
    if (found && found->refresh_hash != hash) found->spent_at = spent.second;
    answer(std::move(found));
  }
  void rotate(std::string id, std::string current, std::string next, std::int64_t now,
              std::int64_t expires_at, reply<done> answer) override {
    answer(do_rotate(id, current, std::move(next), now, expires_at));
  }
  void revoke_session(std::string id, reply<done> answer) override {
    {
      const std::lock_guard lock(mutex_);
      if (const auto at = sessions_.find(id); at != sessions_.end()) at->second.revoked = true;
    }
    answer(done{});
  }
  void installation_secret(std::string name, std::string candidate, reply<std::string> answer) override {
    std::string stored;
    {
      const std::lock_guard lock(mutex_);
      stored = secrets_.try_emplace(std::move(name), std::move(candidate)).first->second;
    }
    answer(std::move(stored));
  }

private:
  result<done> insert(user_row row) {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, u] : users_)
      if (lower(u.email) == lower(row.email))
        return fail(errc::conflict, "an account with this e-mail exists already", "email");
    auto id = row.id;
    users_[std::move(id)] = std::move(row);
    return done{};
  }
  result<done> do_rotate(const std::string& id, const std::string& current, std::string next,
                         std::int64_t now, std::int64_t expires_at) {
    const std::lock_guard lock(mutex_);
    const auto at = sessions_.find(id);
    if (at == sessions_.end()) return none("no such session");
    auto& s = at->second;
    if (s.refresh_hash != current) return fail(errc::conflict, "the token was rotated meanwhile");
    spent_[std::exchange(s.refresh_hash, std::move(next))] = {id, now};
    s.rotated_at = now;
    s.expires_at = expires_at;
    return done{};
  }
  std::pair<std::string, std::int64_t> find_spent(const std::string& hash) const {
    const std::lock_guard lock(mutex_);
    const auto at = spent_.find(hash);
    return at == spent_.end() ? std::pair<std::string, std::int64_t>() : at->second;
  }
  template <class F>
  result<user_row> find(F&& match) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, u] : users_)
      if (match(u)) return u;
    return none("no such account");
  }
  template <class F>
  result<session_row> find_session(F&& match) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, s] : sessions_)
      if (match(s)) return s;
    return none("no such session");
  }

  mutable std::mutex mutex_;
  std::map<std::string, user_row> users_;
  std::map<std::string, session_row> sessions_;
  std::map<std::string, std::pair<std::string, std::int64_t>> spent_;  // hash -> session, when
  std::map<std::string, std::string> secrets_;
};

class memory_keys final : public api_key_store {
public:
  void insert_key(api_key_row row, reply<done> answer) override {
    {
      const std::lock_guard lock(mutex_);
      keys_.push_back(std::move(row));
    }
    answer(done{});
  }
  void key_by_hash(std::string hash, reply<api_key_row> answer) override {
    auto found = select([&](const api_key_row& k) { return k.hash == hash; });
    if (found.empty()) return answer(none("no such API key"));
    answer(std::move(found.front()));
  }
  void list_keys(std::string user, reply<std::vector<api_key_row>> answer) override {
    auto found = select([&](const api_key_row& k) { return k.user_id == user; });
    std::ranges::sort(found, std::ranges::greater(), &api_key_row::id);
    answer(std::move(found));
  }
  void revoke_key(std::string user, std::string id, reply<done> answer) override {
    bool revoked = false;
    {
      const std::lock_guard lock(mutex_);
      for (auto& k : keys_)
        if (k.id == id && k.user_id == user && !k.revoked) revoked = k.revoked = true;
    }
    if (!revoked) return answer(none("no such API key"));
    answer(done{});
  }

private:
  template <class F>
  std::vector<api_key_row> select(F&& match) const {
    const std::lock_guard lock(mutex_);
    std::vector<api_key_row> out;
    for (const auto& k : keys_)
      if (!k.revoked && match(k)) out.push_back(k);
    return out;
  }

  mutable std::mutex mutex_;
  std::vector<api_key_row> keys_;
};

}  // namespace

memory_auth_stores make_memory_auth_stores() {
  return {std::make_unique<memory_users>(), std::make_unique<memory_keys>()};
}

}  // namespace troupe
