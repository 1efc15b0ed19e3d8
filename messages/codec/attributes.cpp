#include "messages/codec/attributes.hpp"

#include "messages/base/limits.hpp"
#include "messages/codec/json_cursor.hpp"
#include "messages/field_check.hpp"

#include <algorithm>
#include <charconv>

namespace troupe {
namespace {

using field_check::refuse;
using json_detail::cursor;

/// Characters of UTF-8: bytes that do not continue another.
std::size_t characters_of(std::string_view text) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  return static_cast<std::size_t>(std::ranges::count_if(text, begins));
}

} // namespace

std::string_view wrong_with_key(std::string_view key) noexcept {
  static_assert(limits::attribute_key_characters == 64, "the text below says so");
  if (key.empty()) return "a key is empty";
  if (characters_of(key) > limits::attribute_key_characters)
    return "a key is longer than 64 characters";
  return {};
}

result<attribute_value> attribute_value_of(std::string_view source) {
  cursor in(source);
  const json_kind kind = in.peek();
  if (kind == json_kind::boolean) return attribute_value(in.raw() == "true");
  if (kind == json_kind::number) {
    const std::string_view text = in.raw();
    double number = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (wrong != std::errc() || end != text.data() + text.size())
      return fail(errc::invalid_argument, "the number is out of range");
    return attribute_value(number);
  }
  if (kind != json_kind::string)
    return fail(errc::invalid_argument,
                "expected a string, a number or a boolean, got " + std::string(name_of(kind)));
  std::string scratch;
  std::string text(in.string(scratch));
  if (characters_of(text) > limits::attribute_value_characters)
    return fail(
        errc::invalid_argument,
        "is longer than " + std::to_string(limits::attribute_value_characters) + " characters");
  return attribute_value(std::move(text));
}

result<void> check_attributes(const json_text& object) {
  cursor in(object.raw);
  const json_kind kind = in.peek();
  if (kind == json_kind::absent) return {};
  if (kind != json_kind::object)
    return refuse("attributes", "expected an object, got " + std::string(name_of(kind)));
  std::size_t count = 0;
  std::string_view key;
  std::string scratch;
  for (in.enter(); in.next_member(key, scratch);) {
    if (++count > limits::attribute_keys)
      return refuse("attributes",
                    "has more than " + std::to_string(limits::attribute_keys) + " keys");
    if (const auto wrong = wrong_with_key(key); !wrong.empty()) return refuse("attributes", wrong);
    const std::string param = "attributes." + std::string(key);
    if (const auto value = attribute_value_of(in.raw()); !value)
      return refuse(param, value.error().message);
  }
  return {};
}

std::vector<attribute> attributes_of(const json_text& object) {
  std::vector<attribute> found;
  cursor in(object.raw);
  if (in.peek() != json_kind::object) return found;
  std::string_view key;
  std::string scratch;
  for (in.enter(); in.next_member(key, scratch);) {
    const auto same = std::ranges::find(found, key, &attribute::key);
    auto value = attribute_value_of(in.raw());
    if (same != found.end()) found.erase(same);
    if (value) found.push_back({std::string(key), std::move(*value)});
  }
  return found;
}

} // namespace troupe
