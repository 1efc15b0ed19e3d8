#pragma once

#include "runtime/cli/access.hpp"

#include <string>
#include <vector>

namespace troupe::cli {

struct chat_options {
  access_options access;
  std::string model;               ///< empty: the server's default
  std::vector<std::string> stores; ///< names or ids; empty: all of the caller's
  std::string message;             ///< one question; empty: lines of stdin, one conversation
};

/// `troupe chat`: streams answers to stdout, with their citations below. Returns the exit code; in
/// a conversation a failed turn is reported and the next one can be asked.
[[nodiscard]] int run_chat(const chat_options& options, const environment& variables);

} // namespace troupe::cli
