#include "messages/codec/json_text.hpp"

#include "messages/base/limits.hpp"
#include "messages/codec/json_cursor.hpp"

#include <boost/json/basic_parser_impl.hpp>

namespace troupe {
namespace {

/// Accepts everything: the parser alone checks syntax, UTF-8 and depth, and nothing is stored.
struct null_handler {
  using error_code = boost::json::error_code;
  using view = boost::json::string_view;
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t, error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(view, std::size_t, error_code&) { return true; }
  bool on_key(view, std::size_t, error_code&) { return true; }
  bool on_string_part(view, std::size_t, error_code&) { return true; }
  bool on_string(view, std::size_t, error_code&) { return true; }
  bool on_number_part(view, error_code&) { return true; }
  bool on_int64(std::int64_t, view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, view, error_code&) { return true; }
  bool on_double(double, view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(view, error_code&) { return true; }
  bool on_comment(view, error_code&) { return true; }
};

} // namespace

json_kind kind_of(const json_text& value) noexcept {
  return json_detail::cursor(value.raw).peek();
}

std::size_t count_elements(const json_text& array) noexcept {
  json_detail::cursor in(array.raw);
  if (in.peek() != json_kind::array) return 0;
  std::size_t count = 0;
  for (in.enter(); in.next_element(); in.raw()) ++count;
  return count;
}

json_text without(const json_text& object, std::string_view name) {
  json_detail::cursor in(object.raw);
  if (in.peek() != json_kind::object) return object;
  json_text out{"{"};
  std::string_view key, source;
  std::string scratch;
  for (in.enter(); in.next_member(key, scratch, source);) {
    const bool is_dropped = key == name;
    const auto value = in.raw();
    if (is_dropped) continue;
    if (out.raw.size() > 1) out.raw += ',';
    out.raw.append(source).append(":").append(value);
  }
  out.raw += '}';
  return out;
}

json_text with_member(std::string_view name, const json_text& value, const json_text& object) {
  json_text out{"{\""};
  out.raw.reserve(name.size() + value.raw.size() + object.raw.size() + 8);
  out.raw.append(name).append("\":").append(value.raw);
  json_detail::cursor in(object.raw);
  if (in.peek() == json_kind::object) {
    std::string_view key, source;
    std::string scratch;
    for (in.enter(); in.next_member(key, scratch, source);)
      out.raw.append(",").append(source).append(":").append(in.raw());
  }
  out.raw += '}';
  return out;
}

bool holds_strings(const json_text& array) noexcept {
  json_detail::cursor in(array.raw);
  if (in.peek() != json_kind::array) return false;
  in.enter();
  return in.next_element() && in.peek() == json_kind::string;
}

std::string_view name_of(json_kind kind) noexcept {
  switch (kind) {
    case json_kind::absent:
      return "nothing";
    case json_kind::null:
      return "null";
    case json_kind::boolean:
      return "a boolean";
    case json_kind::number:
      return "a number";
    case json_kind::string:
      return "a string";
    case json_kind::array:
      return "an array";
    case json_kind::object:
      return "an object";
  }
  return "nothing";
}

result<void> check_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = limits::json_depth;
  boost::json::basic_parser<null_handler> parser(options);
  boost::json::error_code wrong;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), wrong);
  if (!wrong && used == text.size()) return {};
  const std::string at = "not valid JSON at byte " + std::to_string(used) + ": ";
  if (!wrong) return fail(errc::invalid_argument, at + "something follows the value");
  if (wrong == boost::json::error::too_deep) {
    return fail(errc::invalid_argument,
                at + "nested more than " + std::to_string(limits::json_depth) + " levels deep");
  }
  return fail(errc::invalid_argument, at + wrong.message());
}

result<json_text> make_json_text(std::string text) {
  if (auto valid = check_json(text); !valid) return std::unexpected(std::move(valid.error()));
  return json_text{std::move(text)};
}

} // namespace troupe
