#pragma once

#include "messages/base/result.hpp"
#include "runtime/config.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// Environment variables by name.
using environment = std::map<std::string, std::string>;

/// The environment of this process.
[[nodiscard]] environment process_environment();

/// Where settings come from, weakest first: defaults, the file, the environment, the flags.
struct config_sources {
  std::optional<std::filesystem::path> file; ///< --config; must exist
  std::filesystem::path folder = ".";        ///< where troupe.toml is looked for without --config
  environment variables;                     ///< an empty value counts as unset
  /// Key and text of each flag, e.g. {"http.address", "0.0.0.0:80"}. A key that is a list may come
  /// several times.
  std::vector<std::pair<std::string, std::string>> flags;
};

/// One setting in force, for people: `troupe config`.
struct setting_view {
  std::string key;    ///< `http.address`
  std::string value;  ///< as one would write it in troupe.toml; `[secret]` for a secret that is set
  std::string origin; ///< `default`, `troupe.toml:3`, `OPENAI_API_KEY`, `--http`
  std::string help;   ///< what it is, in a few words
};

struct loaded_config {
  config values;
  std::vector<setting_view> settings; ///< in the order of the struct
  std::vector<std::string> notes;     ///< what works but deserves a warning in the log
};

/// Merges the sources and checks the whole. Errors: `invalid_argument`; the message names the file
/// with line, the variable or the flag, the key, and what would be right; `param` is the key. Reads
/// files only; no side effects.
[[nodiscard]] result<loaded_config> load_config(const config_sources& from);

/// Whether a node may be started with it: roles that fit each other and bus.join/bus.bind, stores
/// that this version has. Errors as load_config(). Separate, because `troupe config` and the
/// client commands do not care.
[[nodiscard]] result<void> check_servable(const loaded_config& loaded);

/// The part of it that looks at the stores' settings alone.
[[nodiscard]] result<void> check_stores(const loaded_config& loaded);

} // namespace troupe
