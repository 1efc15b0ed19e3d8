#pragma once

#include <string>

namespace troupe::cli {

struct keys_options {
  std::string role;      ///< what the key is for; names the files and the principal
  std::string out = "."; ///< folder of the files; made when missing
  bool json = false;
};

/// `troupe keys generate`: writes ROLE.key, which only its owner may read, and ROLE.pub; prints
/// what belongs into the allow-list (for a broker: into the settings of the others) to stdout.
/// Replaces no file.
[[nodiscard]] int run_keys_generate(const keys_options& options);

} // namespace troupe::cli
