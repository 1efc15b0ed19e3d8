#pragma once

#include "broker/frame_bodies.hpp"
#include "messages/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::cli {

/// A frame that passed a broker, as a line without its newline. Pure.
[[nodiscard]] std::string tap_line(const wire::tapped_body& in);

/// The same as a JSON object. Pure.
[[nodiscard]] std::string tap_json(const std::string& broker, const wire::tapped_body& in);

/// The number of a frame type. Errors: `invalid_argument` with the names that there are.
[[nodiscard]] result<std::uint64_t> frame_type_named(std::string_view name);

} // namespace troupe::cli
