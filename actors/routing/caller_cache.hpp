#pragma once

#include "messages/base/limits.hpp"
#include "messages/base/op_context.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace troupe {

/// Remembers for a short while who holds a credential. Bounded; no clock of its own.
class caller_cache {
public:
  using clock = std::chrono::steady_clock;

  /// The caller, or null. The pointer holds until the next call.
  [[nodiscard]] const caller* find(const std::string& credential, clock::time_point now) const {
    const auto at = entries_.find(credential);
    return at == entries_.end() || at->second.until <= now ? nullptr : &at->second.who;
  }

  /// `valid_for`: how long the credential itself still lives.
  void keep(const std::string& credential, caller who, clock::time_point now,
            std::chrono::milliseconds valid_for) {
    if (entries_.size() >= limits::auth_cache_entries) make_room(now);
    entries_[credential] = {std::move(who), now + std::min(valid_for, limits::auth_cache_ttl)};
  }

  /// For one's own revocations: nobody holds this session or key any more.
  void forget(std::string_view session_or_key) {
    std::erase_if(entries_, [&](const auto& e) {
      return e.second.who.session == session_or_key || e.second.who.key == session_or_key;
    });
  }

  /// Nobody is this user any more, but for one session of theirs.
  void forget_user(std::string_view user, std::string_view but_session) {
    std::erase_if(entries_, [&](const auto& e) {
      return e.second.who.user == user &&
             (but_session.empty() || e.second.who.session != but_session);
    });
  }

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

private:
  struct entry {
    caller who;
    clock::time_point until;
  };

  void make_room(clock::time_point now) {
    std::erase_if(entries_, [&](const auto& e) { return e.second.until <= now; });
    if (entries_.size() >= limits::auth_cache_entries) entries_.clear();
  }

  std::unordered_map<std::string, entry> entries_;
};

} // namespace troupe
