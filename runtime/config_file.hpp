#pragma once

#include "messages/base/result.hpp"
#include "runtime/config_value.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace troupe {

/// One `key = value` of troupe.toml, sections joined to the key by dots.
struct file_setting {
  std::string key;
  raw_value value;
  std::string where; ///< `troupe.toml:3`
};

/// Reads a TOML file into flat settings, in the order of their lines. Keys are not checked. Errors:
/// `invalid_argument` with file and line: unreadable, no TOML, or a value of a type that no setting
/// has (a date, a list of anything but texts).
[[nodiscard]] result<std::vector<file_setting>> read_config_file(const std::filesystem::path& file);

} // namespace troupe
