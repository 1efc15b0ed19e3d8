#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::vector_detail {

struct codepoint {
  char32_t value = 0;
  std::size_t bytes = 1;
};

/// The code point at the front of a text that is not empty. A malformed byte is U+FFFD of one byte.
[[nodiscard]] codepoint front(std::string_view text) noexcept;

/// Whether the script is written without blanks between words (Han, Kana, Hangul, Thai, Lao, Khmer,
/// Burmese): its words are found by pairs of characters.
[[nodiscard]] bool is_unspaced(char32_t c) noexcept;

} // namespace troupe::vector_detail
