#pragma once

#include "runtime/cli/access.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

struct key_options {
  access_options access;
  std::string name;                     ///< create
  std::string id;                       ///< rotate, revoke, limit
  std::vector<std::string> scopes = {}; ///< create
  std::int64_t expires_in = 0;          ///< create: seconds; 0: never
  std::string organization = {};        ///< create
  std::int64_t overlap = 3600;          ///< rotate: seconds that the old key still works
  std::string user = {};                ///< admins: whose keys; empty: one's own
  std::optional<std::int64_t> requests_per_minute = {}; ///< limit; absent: as it is; 0: no cap
  std::optional<std::int64_t> tokens_per_minute = {};
  std::optional<std::int64_t> streams = {};
  std::optional<double> usd_per_day = {};
  bool json = false;
};

/// `troupe key create`: prints the new key, and nothing else, to stdout: it is shown this once.
[[nodiscard]] int run_key_create(const key_options& options, const environment& variables);
[[nodiscard]] int run_key_list(const key_options& options, const environment& variables);
/// `troupe key rotate`: prints the key that takes the place of the old one, as create does.
[[nodiscard]] int run_key_rotate(const key_options& options, const environment& variables);
[[nodiscard]] int run_key_revoke(const key_options& options, const environment& variables);

/// `troupe key limit`: changes what is given of a key's caps, and shows them.
[[nodiscard]] int run_key_limit(const key_options& options, const environment& variables);

} // namespace troupe::cli
