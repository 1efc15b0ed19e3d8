#include "adapters/crypto/strict_json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace troupe::crypto {
namespace {

namespace json = boost::json;

json::parse_options options() {
  json::parse_options strict;
  strict.max_depth = 8;
  return strict;
}

/// What json::basic_parser calls: counts the names of members and keeps nothing.
struct name_counter {
  static constexpr std::size_t max_object_size = -1;
  static constexpr std::size_t max_array_size = -1;
  static constexpr std::size_t max_key_size = -1;
  static constexpr std::size_t max_string_size = -1;
  using code = json::error_code;
  std::size_t names = 0;

  bool on_document_begin(code&) { return true; }
  bool on_document_end(code&) { return true; }
  bool on_object_begin(code&) { return true; }
  bool on_object_end(std::size_t size, code&) {
    names += size;
    return true;
  }
  bool on_array_begin(code&) { return true; }
  bool on_array_end(std::size_t, code&) { return true; }
  bool on_key_part(json::string_view, std::size_t, code&) { return true; }
  bool on_key(json::string_view, std::size_t, code&) { return true; }
  bool on_string_part(json::string_view, std::size_t, code&) { return true; }
  bool on_string(json::string_view, std::size_t, code&) { return true; }
  bool on_number_part(json::string_view, code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, code&) { return true; }
  bool on_double(double, json::string_view, code&) { return true; }
  bool on_bool(bool, code&) { return true; }
  bool on_null(code&) { return true; }
  bool on_comment_part(json::string_view, code&) { return true; }
  bool on_comment(json::string_view, code&) { return true; }
};

std::size_t names_written(std::string_view valid) {
  json::basic_parser<name_counter> parser(options());
  json::error_code failed;
  parser.write_some(false, valid.data(), valid.size(), failed);
  return parser.handler().names;
}

std::size_t names_kept(const json::value& in) {
  std::size_t names = 0;
  if (const auto* object = in.if_object()) {
    names = object->size();
    for (const auto& member : *object) names += names_kept(member.value());
  } else if (const auto* array = in.if_array()) {
    for (const auto& element : *array) names += names_kept(element);
  }
  return names;
}

} // namespace

std::optional<json::object> parse_object(std::string_view text) {
  json::error_code failed;
  auto value = json::parse(text, failed, {}, options());
  if (failed || !value.is_object()) return std::nullopt;
  if (names_kept(value) != names_written(text)) return std::nullopt; // a name stands twice
  return std::move(value.get_object());
}

std::optional<std::string> string_member(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::optional<std::int64_t> integer_member(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

} // namespace troupe::crypto
