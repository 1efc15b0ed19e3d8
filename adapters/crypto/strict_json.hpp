#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// JSON as the JOSE formats want it. Pure, thread-safe.
namespace troupe::crypto {

/// nullopt unless the text is one JSON object in UTF-8, at most 8 levels deep, in which no object
/// names a member twice: two readers of such a text may see two different claims (RFC 8725, 2.4).
[[nodiscard]] std::optional<boost::json::object> parse_object(std::string_view text);

/// The member as a string; nullopt when absent or of another type.
[[nodiscard]] std::optional<std::string> string_member(const boost::json::object& from,
                                                       std::string_view name);

/// The member as an integer; nullopt when absent, of another type or past 2^63.
[[nodiscard]] std::optional<std::int64_t> integer_member(const boost::json::object& from,
                                                         std::string_view name);

} // namespace troupe::crypto
