#pragma once

#include "broker/flight_file.hpp"

#include <cstddef>
#include <string>

namespace troupe::cli {

/// Of whom and from when the recording is: `# broker of …`, lines that end in a newline. Pure.
[[nodiscard]] std::string flight_title(const wire::flight& in);

/// The event as a row of the table, without its newline. Pure.
[[nodiscard]] std::string flight_line(const wire::flight_event& in);

/// The head of that table.
[[nodiscard]] std::string flight_head_line();

/// The event as a JSON object. Pure.
[[nodiscard]] std::string flight_json(const wire::flight_event& in);

} // namespace troupe::cli
