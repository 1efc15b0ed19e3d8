#pragma once

#include "messages/base/log.hpp"
#include "messages/base/result.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

namespace troupe {

/// Sends messages/base/log.hpp to spdlog: one line each on stderr, written by the calling thread.
/// Call once, before threads start.
void install_log_sink(log::level least);

/// debug, info, warn (or warning), error (or fatal, critical), in any case.
[[nodiscard]] result<log::level> parse_log_level(std::string_view text);

/// `event k=v k="v with spaces"`: control characters, quotes and backslashes are escaped, so that a
/// line stays one line whatever the fields hold.
[[nodiscard]] std::string format_log_line(std::string_view event,
                                          std::initializer_list<log::field> fields);

} // namespace troupe
