#pragma once

#include "messages/base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// What `troupe ingest` decides: which files of a folder it takes, and what to do with each.
namespace troupe::cli {

struct local_file {
  std::filesystem::path path;
  std::string name; ///< relative to the folder that was named, with `/`; unique in a run
  std::uintmax_t bytes = 0;
  std::string sha256; ///< lower-case hex; as sha256_of() gives it
};

struct refused_file {
  std::string name;
  std::string why;
};

struct found_files {
  std::vector<local_file> files;     ///< sorted by name, names unique
  std::vector<refused_file> refused; ///< cannot be read, or not unique
  std::size_t empty = 0;             ///< files without a byte, left out
};

/// A file of the store as the server has it. A file's name has no folders there, so ingest leaves
/// the path in the attributes; files that came by another way have none.
struct stored_file {
  std::string id;
  std::string name; ///< the file name
  std::string path; ///< what local_file::name was, or empty
  std::string sha256;
  std::string status; ///< in_progress, completed, failed, cancelled
};

struct planned_file {
  local_file file;
  std::vector<std::string> outdated; ///< ids to delete once the new one is in
};

struct ingest_plan {
  std::vector<planned_file> uploads; ///< new ones, and those that replace an outdated one
  std::size_t skipped = 0;           ///< there with the same name and SHA-256
};

/// Whether a file of a folder is one that the server reads, by its ending.
[[nodiscard]] bool is_readable_kind(const std::filesystem::path& file);

/// Walks `paths`: a file is taken whatever its ending, a folder's files when is_readable_kind();
/// names that begin with a dot are passed over, links to folders not followed. Errors:
/// `not_found` for a path that is not there.
[[nodiscard]] result<found_files> find_files(const std::vector<std::filesystem::path>& paths);

/// The SHA-256 of a file's content, lower-case hex. Errors: `unavailable` when it cannot be read.
[[nodiscard]] result<std::string> sha256_of(const std::filesystem::path& file);

/// Pure. Skips what is in the store with the same name and SHA-256 and did not fail; a file of the
/// same name with other content, or that failed, is replaced; all others are uploaded. The name is
/// the path, where the store knows it, else the file name; in a folder below the one that was
/// named, a file name alone is enough to skip and not enough to replace. What is in the store only
/// stays.
[[nodiscard]] ingest_plan plan_ingest(std::vector<local_file> local,
                                      const std::vector<stored_file>& stored);

} // namespace troupe::cli
