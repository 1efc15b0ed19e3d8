#pragma once

#include <string>
#include <string_view>

/// Inside adapters/sql only.
namespace troupe::sql {

/// Any bytes as text that every database keeps and compares byte by byte: what is not printable
/// ASCII, spaces and `%` as `%20`. At most 3 times as long.
[[nodiscard]] std::string escaped(std::string_view bytes);
[[nodiscard]] std::string unescaped(std::string_view text);

} // namespace troupe::sql
