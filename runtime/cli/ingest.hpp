#pragma once

#include "runtime/cli/access.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace troupe::cli {

struct ingest_options {
  access_options access;
  std::vector<std::filesystem::path> paths;
  std::string store; ///< a name, or the id of one that exists
  bool json = false;
};

/// `troupe ingest`: brings files into a vector store and waits until they are indexed. Progress
/// goes to stderr, the summary to stdout. A file that fails is listed and the rest goes on. Returns
/// the exit code: 1 when anything failed.
[[nodiscard]] int run_ingest(const ingest_options& options, const environment& variables);

} // namespace troupe::cli
