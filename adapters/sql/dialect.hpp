#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::sql {

/// The texts of the schemas are one for SQLite, MySQL and PostgreSQL but for these words, which
/// each writes in its own way:
///   @rising_key  a 64-bit key that only grows: the row's own number in SQLite
///   @long_text   text of more than 64 KiB
///   @bytes       bytes of up to limits::body_bytes
using dialect_words = std::span<const std::pair<std::string_view, std::string_view>>;

[[nodiscard]] std::string with_words(std::string_view statement, dialect_words words);

} // namespace troupe::sql
