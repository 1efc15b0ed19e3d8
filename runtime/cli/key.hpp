#pragma once

#include "runtime/cli/access.hpp"

#include <string>

namespace troupe::cli {

struct key_options {
  access_options access;
  std::string name; ///< create
  std::string id;   ///< revoke
  bool json = false;
};

/// `troupe key create`: prints the new key, and nothing else, to stdout: it is shown this once.
[[nodiscard]] int run_key_create(const key_options& options, const environment& variables);
[[nodiscard]] int run_key_list(const key_options& options, const environment& variables);
[[nodiscard]] int run_key_revoke(const key_options& options, const environment& variables);

} // namespace troupe::cli
