#pragma once

#include "adapters/redis/connection.hpp"

namespace troupe::redis {

/// What an error answer of the server means: `unavailable` when the same may succeed later, or
/// would if the deployment were right, and `internal` otherwise. The text goes to the log only.
[[nodiscard]] error to_error(std::string_view answer);
[[nodiscard]] error to_error(fault why);

/// Whether the server says that it may not write any more: another one is the primary by now.
[[nodiscard]] bool is_readonly(std::string_view answer) noexcept;
/// Whether the server has forgotten (or never had) the script.
[[nodiscard]] bool is_unknown_script(std::string_view answer) noexcept;

[[nodiscard]] error unavailable(std::string message);
[[nodiscard]] error overloaded();
/// The answer has not the shape that was asked for.
[[nodiscard]] error unexpected_answer();

} // namespace troupe::redis
