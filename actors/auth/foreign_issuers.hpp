#pragma once

#include "actors/auth/issuer_rules.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace troupe {

/// The other issuers and their key sets as they are known now. Keys are asked for at the start,
/// again when a set is no longer fresh, and when a token names a key that is not in it, which
/// anybody can make: those wait for one common fetch, at most one every limits::issuer_ask_pause an
/// issuer. While an issuer is down its last set stays. Inside one actor.
class foreign_issuers {
public:
  template <class T>
  using after = std::move_only_function<void(result<T>)>;

  /// How it reaches the world; all of it answers inside the actor.
  struct surroundings {
    claimed_issuer_function claimed_issuer;
    std::function<void(fetch_request, after<fetch_reply>)> fetch;
    std::function<void(std::chrono::milliseconds, std::function<void()>)> later;
    std::function<std::int64_t()> unix_now; ///< seconds
    std::function<std::chrono::steady_clock::time_point()> steady_now;
  };

  foreign_issuers(std::vector<foreign_issuer> all, surroundings around);

  /// Asks for all keys in the background, and from then on whenever a set gets old.
  void start();

  /// The issuer that the token claims to be of; nullptr when it is none of them. Lives as long as
  /// this.
  [[nodiscard]] const foreign_issuer* issuer_of(std::string_view token) const;

  /// The issuer of this name in the settings; nullptr: none. Lives as long as this.
  [[nodiscard]] const foreign_issuer* named(std::string_view name) const;

  /// Errors: `unauthenticated`; `unavailable` with the time to come back when the token's key is
  /// unknown and the issuer cannot be asked; `overloaded` when limits::issuer_waiters wait for it.
  void verify(const foreign_issuer& from, std::string token, after<foreign_claims> then);

private:
  struct waiter {
    std::string token;
    after<foreign_claims> then;
  };
  struct state {
    foreign_issuer settings;
    issuer_rules::ask_pause pause;
    std::chrono::steady_clock::time_point due{}; // for the next set
    bool asking = false;
    bool reached = false; // when last asked
    std::vector<waiter> waiting;
  };

  state& state_of(const foreign_issuer& from);
  void watch(state& of);
  void ask(state& of);
  void ask_keys(state& of, std::string url);
  void take(state& of, const result<fetch_reply>& keys);
  result<std::chrono::seconds> read(state& of, const result<fetch_reply>& keys);
  void request(std::string url, after<fetch_reply> then);
  [[nodiscard]] error unknown_key(const state& of) const;

  std::vector<state> all_; // never grows: its elements are pointed to
  surroundings around_;
};

} // namespace troupe
