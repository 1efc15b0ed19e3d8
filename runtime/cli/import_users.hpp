#pragma once

#include "runtime/cli/access.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace troupe::cli {

struct import_users_options {
  access_options access;
  std::string from;             ///< a CSV file, or the URL of a database
  std::vector<std::string> map; ///< `their_column=field`
  std::filesystem::path failed; ///< where rows that fail are written as CSV; empty: nowhere
  bool update = false;
  bool without_passwords = false;
  bool dry_run = false;
  bool json = false;
};

/// `troupe users import`: brings another program's users in over the server's admin route, in
/// batches of at most limits::import_users. Progress goes to stderr, the summary and the rows that
/// failed to stdout. Safe to repeat: who is there is passed over. Returns the exit code: 1 when
/// anything failed, 2 for what cannot be meant.
[[nodiscard]] int run_import_users(const import_users_options& options,
                                   const environment& variables);

} // namespace troupe::cli
