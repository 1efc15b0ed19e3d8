#pragma once

#include "messages/codec/json_text.hpp"

#include <string>
#include <string_view>

/// Private to messages/codec: reads JSON text that check_json() has accepted, in place and without
/// a tree, so that raw values keep their exact source. On text that was not checked it reads
/// nonsense, but never past the end.
namespace troupe::json_detail {

class cursor {
public:
  explicit cursor(std::string_view text) noexcept
      : at_(text.data()), end_(text.data() + text.size()) {}

  /// The kind of the value that comes next; `absent` at the end.
  [[nodiscard]] json_kind peek() noexcept;
  /// The source of the next value, and moves past it.
  std::string_view raw() noexcept;
  /// The next value, which is a string: a view of the source, or of `scratch` if it has escapes.
  std::string_view string(std::string& scratch);
  /// Moves into the next value, an object or array; then call next_member or next_element until
  /// they say false, and read or skip exactly one value after each true.
  void enter() noexcept;
  bool next_member(std::string_view& key, std::string& scratch);
  /// The same, and the key's source with its quotes.
  bool next_member(std::string_view& key, std::string& scratch, std::string_view& key_source);
  bool next_element() noexcept;

private:
  void skip_space() noexcept;
  void skip_string() noexcept;

  const char* at_;
  const char* end_;
};

/// Appends `text` in quotes, escaped; bytes that are no UTF-8 become U+FFFD.
void append_string(std::string& out, std::string_view text);
/// Appends the shortest form that reads back as the same number; null when it is not finite.
void append_number(std::string& out, double value);
void append_number(std::string& out, float value);
template <class Integer>
void append_integer(std::string& out, Integer value) {
  out += std::to_string(value);
}

void append_base64(std::string& out, std::string_view bytes);
/// Decodes base64, padded or not. Returns whether it was.
[[nodiscard]] bool decode_base64(std::string_view text, std::string& bytes);

} // namespace troupe::json_detail
