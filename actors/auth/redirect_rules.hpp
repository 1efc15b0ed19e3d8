#pragma once

#include "actors/ports/redirect_rules.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What a sign-in hands over in a URL. Pure.
namespace troupe::redirect_rules {

using parameters = std::vector<std::pair<std::string_view, std::string>>;

/// The URL with these in its query, or in the place of its fragment; values are encoded.
[[nodiscard]] std::string with_query(std::string_view url, const parameters& more);
[[nodiscard]] std::string with_fragment(std::string_view url, const parameters& more);

/// Every byte but RFC 3986's unreserved characters as `%XX`.
[[nodiscard]] std::string encoded(std::string_view text);

} // namespace troupe::redirect_rules
