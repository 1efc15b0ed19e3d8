#pragma once

#include "messages/base/error.hpp"

#include <expected>

namespace troupe {

/// A value or the reason why there is none. Nothing in Troupe throws across a port or a handler.
template <class T>
using result = std::expected<T, error>;

/// Shorthand for `return std::unexpected(make_error(...))`.
[[nodiscard]] inline std::unexpected<error> fail(errc code, std::string message,
                                                 std::string param = {}) {
  return std::unexpected(make_error(code, std::move(message), std::move(param)));
}

} // namespace troupe
