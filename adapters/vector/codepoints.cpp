#include "adapters/vector/codepoints.hpp"

namespace troupe::vector_detail {

codepoint front(std::string_view text) noexcept {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {0xFFFD, 1};
  char32_t value = lead & (0x7Fu >> size);
  for (std::size_t n = 1; n < size; ++n) {
    if ((byte(n) & 0xC0) != 0x80) return {0xFFFD, 1};
    value = value << 6 | (byte(n) & 0x3Fu);
  }
  return {value, size};
}

bool is_unspaced(char32_t c) noexcept {
  const auto in = [c](char32_t first, char32_t last) { return c >= first && c <= last; };
  if (c < 0x0E00) return false;
  return in(0x0E00, 0x0EFF) ||                       // Thai, Lao
         in(0x1000, 0x109F) ||                       // Burmese
         in(0x1100, 0x11FF) ||                       // Hangul letters
         in(0x1780, 0x17FF) ||                       // Khmer
         in(0x3005, 0x3007) ||                       // Han iteration mark, zero
         in(0x3040, 0x30FF) ||                       // Hiragana, Katakana
         in(0x3130, 0x318F) || in(0x31F0, 0x31FF) || // more Hangul letters, Kana
         in(0x3400, 0x4DBF) || in(0x4E00, 0x9FFF) || // Han
         in(0xAC00, 0xD7AF) ||                       // Hangul syllables
         in(0xF900, 0xFAFF) || in(0xFF66, 0xFF9F) || // Han, half-width Kana
         in(0x20000, 0x3134F);                       // rare Han
}

} // namespace troupe::vector_detail
