#pragma once

#include "runtime/config.hpp"
#include "runtime/config_loader.hpp"
#include "runtime/signals.hpp"

#include <functional>
#include <string>
#include <vector>

/// The command line: `troupe serve | ingest | chat | key | keys | config | version`.
namespace troupe::cli {

/// Exit codes of every command.
inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2; ///< a wrong flag, setting or environment variable

/// What `serve` does once the configuration stands: run_server of app.hpp.
using serve_function = std::function<int(const config&, shutdown_signal&)>;

/// Parses `arguments` (without the program's name), runs the command, prints to stdout and stderr.
/// Call it before any thread exists: `serve` blocks signals.
[[nodiscard]] int run(const std::vector<std::string>& arguments, const environment& variables,
                      const serve_function& serve);

} // namespace troupe::cli
