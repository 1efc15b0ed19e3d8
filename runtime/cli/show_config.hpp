#pragma once

#include "runtime/config_loader.hpp"

#include <string>

namespace troupe::cli {

/// What is in force and where it came from, for people or as JSON. Secrets are masked.
[[nodiscard]] std::string config_as_json(const loaded_config& loaded);
void print_config(const loaded_config& loaded);

} // namespace troupe::cli
