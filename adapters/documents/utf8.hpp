#pragma once

#include <cstddef>
#include <string_view>

namespace troupe::documents {

/// Whether every byte belongs to a well-formed sequence (RFC 3629: no surrogates, nothing
/// overlong).
[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;

/// The greatest position at most `at` where a sequence starts (or the end). `text` is valid UTF-8.
[[nodiscard]] std::size_t sequence_start(std::string_view text, std::size_t at) noexcept;

/// Without white space at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

} // namespace troupe::documents
