#include "adapters/memory/answer_after.hpp"
#include "adapters/memory/memory_stores.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace troupe {
namespace {

using memory::answer_after;

/// E-mail addresses are compared in lower case (ASCII, as mail systems do).
std::string email_key(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

std::unexpected<error> none(const char* what) {
  return fail(errc::not_found, what);
}
std::unexpected<error> taken() {
  return fail(errc::conflict, "it exists already");
}

class memory_users final : public user_store {
public:
  void insert_user(user_row row, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      const auto key = email_key(row.email);
      if (by_email_.contains(key))
        return fail(errc::conflict, "an account with this e-mail exists already", "email");
      auto id = row.id;
      if (!users_.try_emplace(id, std::move(row)).second) return taken();
      by_email_[key] = std::move(id);
      return done{};
    });
  }
  void user_by_email(std::string email, reply<user_row> answer) override {
    answer_after(mutex_, answer, [&]() -> result<user_row> {
      const auto at = by_email_.find(email_key(std::move(email)));
      if (at == by_email_.end()) return none("no such account");
      return users_.at(at->second);
    });
  }
  void user_by_id(std::string id, reply<user_row> answer) override {
    answer_after(mutex_, answer, [&]() -> result<user_row> {
      const auto at = users_.find(id);
      if (at == users_.end()) return none("no such account");
      return at->second;
    });
  }
  void first_admin(reply<user_row> answer) override {
    answer_after(mutex_, answer, [&]() -> result<user_row> {
      const user_row* oldest = nullptr;
      for (const auto& [id, u] : users_)
        if (u.admin && (!oldest || u.created_at < oldest->created_at)) oldest = &u;
      if (!oldest) return none("no admin yet");
      return *oldest;
    });
  }

  void insert_session(session_row row, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      auto id = row.id;
      if (!sessions_.try_emplace(std::move(id), std::move(row)).second) return taken();
      return done{};
    });
  }
  void session_by_id(std::string id, reply<session_row> answer) override {
    answer_after(mutex_, answer, [&] { return find_session(id); });
  }
  void session_by_refresh(std::string hash, reply<session_row> answer) override {
    answer_after(mutex_, answer, [&]() -> result<session_row> {
      for (const auto& [id, s] : sessions_)
        if (s.refresh_hash == hash) return s;
      const auto spent = spent_.find(hash);
      if (spent == spent_.end()) return none("no such session");
      auto session = find_session(spent->second.session);
      if (session) session->spent_at = spent->second.at;
      return session;
    });
  }
  void rotate(std::string id, std::string current, std::string next, std::int64_t now,
              std::int64_t expires_at, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      const auto at = sessions_.find(id);
      if (at == sessions_.end()) return none("no such session");
      auto& s = at->second;
      if (s.refresh_hash != current) return fail(errc::conflict, "the token was rotated meanwhile");
      spent_[std::exchange(s.refresh_hash, std::move(next))] = {id, now};
      s.rotated_at = now;
      s.expires_at = expires_at;
      return done{};
    });
  }
  void revoke_session(std::string id, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      if (const auto at = sessions_.find(id); at != sessions_.end()) at->second.revoked = true;
      return done{};
    });
  }

  void installation_secret(std::string name, std::string candidate,
                           reply<std::string> answer) override {
    answer_after(mutex_, answer, [&]() -> result<std::string> {
      return secrets_.try_emplace(std::move(name), std::move(candidate)).first->second;
    });
  }

private:
  struct spent_token {
    std::string session;
    std::int64_t at = 0;
  };

  result<session_row> find_session(const std::string& id) const {
    const auto at = sessions_.find(id);
    if (at == sessions_.end()) return none("no such session");
    return at->second;
  }

  // All guarded by mutex_.
  std::mutex mutex_;
  std::map<std::string, user_row> users_;
  std::map<std::string, std::string> by_email_;
  std::map<std::string, session_row> sessions_;
  std::map<std::string, spent_token> spent_; ///< by hash
  std::map<std::string, std::string> secrets_;
};

class memory_keys final : public api_key_store {
public:
  void insert_key(api_key_row row, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      for (const auto& k : keys_)
        if (k.id == row.id || k.hash == row.hash) return taken();
      keys_.push_back(std::move(row));
      return done{};
    });
  }
  void key_by_hash(std::string hash, reply<api_key_row> answer) override {
    answer_after(mutex_, answer, [&]() -> result<api_key_row> {
      for (const auto& k : keys_)
        if (k.hash == hash && !k.revoked) return k;
      return none("no such API key");
    });
  }
  void list_keys(std::string user, reply<std::vector<api_key_row>> answer) override {
    answer_after(mutex_, answer, [&]() -> result<std::vector<api_key_row>> {
      std::vector<api_key_row> out;
      for (const auto& k : keys_)
        if (k.user_id == user && !k.revoked) out.push_back(k);
      std::ranges::sort(out, [](const api_key_row& a, const api_key_row& b) {
        return std::tie(b.created_at, b.id) < std::tie(a.created_at, a.id);
      });
      if (out.size() > keys_max) out.resize(keys_max);
      return out;
    });
  }
  void revoke_key(std::string user, std::string id, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      for (auto& k : keys_)
        if (k.id == id && k.user_id == user && !k.revoked) {
          k.revoked = true;
          return done{};
        }
      return none("no such API key");
    });
  }

private:
  static constexpr std::size_t keys_max = 1000;

  std::mutex mutex_;
  std::vector<api_key_row> keys_; // guarded by mutex_
};

} // namespace

memory_auth_stores make_memory_auth_stores() {
  return {std::make_unique<memory_users>(), std::make_unique<memory_keys>()};
}

} // namespace troupe
