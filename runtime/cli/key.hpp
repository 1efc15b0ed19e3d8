#pragma once

#include "runtime/cli/access.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::cli {

struct key_options {
  access_options access;
  std::string name;                     ///< create
  std::string id;                       ///< rotate, revoke
  std::vector<std::string> scopes = {}; ///< create
  std::int64_t expires_in = 0;          ///< create: seconds; 0: never
  std::string organization = {};        ///< create
  std::int64_t overlap = 3600;          ///< rotate: seconds that the old key still works
  std::string user = {};                ///< admins: whose keys; empty: one's own
  bool json = false;
};

/// `troupe key create`: prints the new key, and nothing else, to stdout: it is shown this once.
[[nodiscard]] int run_key_create(const key_options& options, const environment& variables);
[[nodiscard]] int run_key_list(const key_options& options, const environment& variables);
/// `troupe key rotate`: prints the key that takes the place of the old one, as create does.
[[nodiscard]] int run_key_rotate(const key_options& options, const environment& variables);
[[nodiscard]] int run_key_revoke(const key_options& options, const environment& variables);

} // namespace troupe::cli
