#include "messages/codec/json_cursor.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace troupe::json_detail {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 0;
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

/// Four hexadecimal digits at `i`, or 0 where there are not four.
std::uint32_t four_digits(std::string_view source, std::size_t i) noexcept {
  if (i + 4 > source.size()) return 0;
  std::uint32_t code = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    code = code << 4 | static_cast<std::uint32_t>(hex_digit(source[i + k]));
  }
  return code;
}

char simple_escape(char c) noexcept {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

void unescape(std::string_view source, std::string& out) {
  out.clear();
  std::size_t i = 0;
  while (i < source.size()) {
    const std::size_t slash = std::min(source.find('\\', i), source.size());
    out.append(source, i, slash - i);
    if (slash + 1 >= source.size()) return;
    const char c = source[slash + 1];
    i = slash + 2;
    if (c != 'u') {
      out += simple_escape(c);
      continue;
    }
    std::uint32_t code = four_digits(source, i);
    i += 4;
    if (code >= 0xD800 && code < 0xDC00 && i + 6 <= source.size() && source[i] == '\\') {
      code = 0x10000 + ((code - 0xD800) << 10) + ((four_digits(source, i + 2) - 0xDC00) & 0x3FF);
      i += 6;
    }
    append_utf8(out, code);
  }
}

/// The length of the UTF-8 sequence at `i`; 0 when there is none (overlong and surrogates
/// included).
std::size_t utf8_length(std::string_view text, std::size_t i) noexcept {
  const auto byte = [&](std::size_t k) {
    return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u;
  };
  const auto tail = [&](std::size_t k) { return (byte(k) & 0xC0u) == 0x80u; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

void append_escaped(std::string& out, char c) {
  static constexpr char digits[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += digits[(c >> 4) & 0xF];
      out += digits[c & 0xF];
  }
}

/// Whether a byte may stand in a JSON string as it is: printable ASCII but quote and backslash.
constexpr std::array<bool, 256> plain_bytes = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 0x80; ++c) table[c] = c != '"' && c != '\\';
  return table;
}();

template <class Number>
void append_float(std::string& out, Number value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

} // namespace

void cursor::skip_space() noexcept {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
}

void cursor::skip_string() noexcept {
  if (at_ != end_) ++at_;
  while (at_ != end_ && *at_ != '"') {
    if (*at_ == '\\' && ++at_ == end_) return;
    ++at_;
  }
  if (at_ != end_) ++at_;
}

json_kind cursor::peek() noexcept {
  skip_space();
  if (at_ == end_) return json_kind::absent;
  switch (*at_) {
    case '{':
      return json_kind::object;
    case '[':
      return json_kind::array;
    case '"':
      return json_kind::string;
    case 't':
    case 'f':
      return json_kind::boolean;
    case 'n':
      return json_kind::null;
    default:
      return json_kind::number;
  }
}

std::string_view cursor::raw() noexcept {
  skip_space();
  const char* const begin = at_;
  std::size_t depth = 0;
  while (at_ != end_) {
    const char c = *at_;
    if (c == '"') {
      skip_string();
      if (depth == 0) break;
      continue;
    }
    if (depth == 0 &&
        (c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\t' || c == '\r')) {
      break;
    }
    ++at_;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) break;
  }
  return {begin, static_cast<std::size_t>(at_ - begin)};
}

std::string_view cursor::string(std::string& scratch) {
  skip_space();
  const char* const begin = at_;
  skip_string();
  std::string_view source(begin, static_cast<std::size_t>(at_ - begin));
  if (source.size() < 2) return {};
  source = source.substr(1, source.size() - 2);
  if (std::memchr(source.data(), '\\', source.size()) == nullptr) return source;
  unescape(source, scratch);
  return scratch;
}

void cursor::enter() noexcept {
  skip_space();
  if (at_ != end_) ++at_;
}

bool cursor::next_member(std::string_view& key, std::string& scratch) {
  std::string_view source;
  return next_member(key, scratch, source);
}

bool cursor::next_member(std::string_view& key, std::string& scratch,
                         std::string_view& key_source) {
  if (!next_element()) return false;
  const char* const begin = at_;
  key = string(scratch);
  key_source = {begin, static_cast<std::size_t>(at_ - begin)};
  skip_space();
  if (at_ != end_) ++at_; // the colon
  return true;
}

bool cursor::next_element() noexcept {
  skip_space();
  if (at_ != end_ && *at_ == ',') {
    ++at_;
    skip_space();
  }
  if (at_ == end_) return false;
  if (*at_ == '}' || *at_ == ']') {
    ++at_;
    return false;
  }
  return true;
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t i = 0;
  while (i < text.size()) {
    std::size_t run = i;
    while (run < text.size() && plain_bytes[static_cast<unsigned char>(text[run])]) ++run;
    out.append(text, i, run - i);
    i = run;
    if (i == text.size()) break;
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      append_escaped(out, text[i++]);
      continue;
    }
    const std::size_t length = utf8_length(text, i);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++i;
      continue;
    }
    out.append(text, i, length);
    i += length;
  }
  out += '"';
}

void append_number(std::string& out, double value) {
  append_float(out, value);
}
void append_number(std::string& out, float value) {
  append_float(out, value);
}

void append_base64(std::string& out, std::string_view bytes) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t three = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      three = three << 8 | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= left ? digits[three >> (18 - 6 * k) & 0x3F] : '=';
    }
  }
}

bool decode_base64(std::string_view text, std::string& bytes) {
  static constexpr auto values = [] {
    std::array<signed char, 256> table{};
    table.fill(-1);
    for (int c = 0; c < 26; ++c) {
      table[static_cast<std::size_t>('A' + c)] = static_cast<signed char>(c);
      table[static_cast<std::size_t>('a' + c)] = static_cast<signed char>(26 + c);
    }
    for (int c = 0; c < 10; ++c)
      table[static_cast<std::size_t>('0' + c)] = static_cast<signed char>(52 + c);
    table['+'] = 62;
    table['/'] = 63;
    return table;
  }();
  if (text.size() % 4 == 0 && text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  if (text.size() % 4 == 1) return false;
  bytes.clear();
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = values[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> held & 0xFF);
  }
  return true;
}

} // namespace troupe::json_detail
