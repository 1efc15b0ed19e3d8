#pragma once

#include "actors/auth/foreign_issuers.hpp"
#include "actors/auth/oidc_rules.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace troupe {

/// Where the providers are at which people sign in: their discovery documents, asked for when
/// somebody comes and kept while they are fresh (issuer_rules::keys_age); those who come meanwhile
/// wait for one answer. Of a provider that cannot be asked the last document stays. Inside one
/// actor.
class provider_directory {
public:
  using after = foreign_issuers::after<oidc_rules::provider_metadata>;

  explicit provider_directory(foreign_issuers::surroundings around) : around_(std::move(around)) {}

  /// Errors: `unavailable` with the time to come back when the provider cannot be asked,
  /// `upstream_failed` when its answer is no good, `overloaded` when limits::issuer_waiters wait.
  void metadata(const foreign_issuer& of, after then);

private:
  struct entry {
    std::string issuer;
    oidc_rules::provider_metadata known;
    std::chrono::steady_clock::time_point fresh_until{};
    bool has_any = false;
    std::vector<after> waiting;
  };

  void ask(entry& of);
  void take(entry& of, const result<fetch_reply>& answer);

  std::map<std::string, entry> all_; // by name, at most one an issuer; its elements stay in place
  foreign_issuers::surroundings around_;
};

} // namespace troupe
