#include "adapters/sql/escaped_text.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::sql {

std::string escaped(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7F && c != '%') {
      out += c;
      continue;
    }
    out += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    int byte = 0;
    std::from_chars(text.data() + at + 1, text.data() + std::min(at + 3, text.size()), byte, 16);
    out += static_cast<char>(byte);
    at += 2;
  }
  return out;
}

} // namespace troupe::sql
