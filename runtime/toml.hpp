#pragma once

#include "messages/base/result.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe::detail {

/// In the place of the parser's assertions.
[[noreturn]] inline void refuse_toml() {
  throw std::logic_error("the parser cannot read this");
}

} // namespace troupe::detail

// toml++ 3.3 asserts of some texts that they cannot be, and without assertions takes it for
// granted. A file that is edited while the program runs must not end it.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expr) (static_cast<bool>(expr) ? void() : ::troupe::detail::refuse_toml())
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace troupe {

/// The only place to include toml++ by. Errors: `invalid_argument` with the file, and the line
/// where the parser says it.
[[nodiscard]] result<toml::table> parse_toml(std::string_view text, const std::string& file);

} // namespace troupe
