#pragma once

#include <string>
#include <string_view>

namespace troupe::sql {

/// A statement of the schema for SQLite. The texts are one for SQLite, MySQL and PostgreSQL but for
/// these words, which each writes in its own way:
///   @rising_key  a 64-bit key that only grows: the row's own number in SQLite
///   @long_text   text of more than 64 KiB
///   @bytes       bytes of up to limits::body_bytes
[[nodiscard]] std::string in_sqlite(std::string_view statement);

} // namespace troupe::sql
