#include "messages/codec/json.hpp"

#include "messages/codec/json_cursor.hpp"
#include "messages/message_list.hpp"
#include "messages/schema/describe.hpp"

#include <charconv>
#include <cmath>
#include <limits>

/// The text is checked as a whole first, then read in place: no tree is built, raw values keep
/// their source, and the readers below need not mind syntax.
namespace troupe::json {
namespace {

using json_detail::cursor;
using schema::path;

struct reader {
  cursor in;
  error why;
  std::string scratch; ///< for strings with escapes

  bool refuse(const path& at, std::string message) {
    why = make_error(errc::invalid_argument, {}, at.text());
    why.message = why.param.empty() ? std::move(message) : why.param + ": " + message;
    return false;
  }
  bool expect(json_kind kind, const path& at) {
    const json_kind got = in.peek();
    if (got == kind) return true;
    return refuse(at,
                  "expected " + std::string(name_of(kind)) + ", got " + std::string(name_of(got)));
  }
};

template <schema::described T>
bool read(reader& from, T& out, const path& at);
template <class T>
bool read(reader& from, std::vector<T>& out, const path& at);

bool read(reader& from, std::string& out, const path& at) {
  if (!from.expect(json_kind::string, at)) return false;
  out = from.in.string(from.scratch);
  return true;
}

bool read(reader& from, secret& out, const path& at) {
  return read(from, out.value, at);
}

bool read(reader& from, json_text& out, const path&) {
  out.raw = from.in.raw();
  return true;
}

bool read(reader& from, byte_string& out, const path& at) {
  if (!from.expect(json_kind::string, at)) return false;
  if (json_detail::decode_base64(from.in.string(from.scratch), out.data)) return true;
  return from.refuse(at, "expected base64");
}

bool read(reader& from, bool& out, const path& at) {
  if (!from.expect(json_kind::boolean, at)) return false;
  out = from.in.raw() == "true";
  return true;
}

/// Whether `text` as a whole is a number of this type.
template <class Number>
bool number_from(std::string_view text, Number& out) {
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
  return wrong == std::errc() && end == text.data() + text.size();
}

bool read(reader& from, double& out, const path& at) {
  if (!from.expect(json_kind::number, at)) return false;
  return number_from(from.in.raw(), out) || from.refuse(at, "the number is out of range");
}

/// 3.0 and 1e3 are integers too; 1.5 is not.
template <schema::integer T>
bool integer_from_double(double value, T& out) {
  // The upper end as a power of two is exact where max() itself is not.
  const double end = std::ldexp(1.0, std::numeric_limits<T>::digits);
  if (!(value < end) || value < static_cast<double>(std::numeric_limits<T>::min())) return false;
  out = static_cast<T>(value);
  return true;
}

template <schema::integer T>
bool read(reader& from, T& out, const path& at) {
  if (!from.expect(json_kind::number, at)) return false;
  const std::string_view text = from.in.raw();
  if (number_from(text, out)) return true;
  // Plain digits that did not fit must not come in rounded.
  const bool plain = text != "-0" && text.find_first_of(".eE") == std::string_view::npos;
  double value = 0;
  const bool finite = !plain && number_from(text, value);
  if (finite && value != std::trunc(value)) {
    return from.refuse(at, "expected an integer, got a number with a fraction");
  }
  if (finite && integer_from_double(value, out)) return true;
  return from.refuse(at, "expected an integer from " +
                             std::to_string(std::numeric_limits<T>::min()) + " to " +
                             std::to_string(std::numeric_limits<T>::max()));
}

template <schema::described_enum E>
bool read(reader& from, E& out, const path& at) {
  if (!from.expect(json_kind::string, at)) return false;
  const std::string_view name = from.in.string(from.scratch);
  if (const auto value = schema::enum_value<E>(name)) {
    out = *value;
    return true;
  }
  return from.refuse(at, schema::unknown_enumerator<E>(name));
}

template <class T>
bool read(reader& from, std::optional<T>& out, const path& at) {
  return read(from, out.emplace(), at);
}

template <class T>
bool read(reader& from, nullable<T>& out, const path& at) {
  return read(from, out.value.emplace(), at);
}

template <class T>
bool read(reader& from, std::vector<T>& out, const path& at) {
  if (!from.expect(json_kind::array, at)) return false;
  out.clear();
  from.in.enter();
  while (from.in.next_element()) {
    const path here{&at, {}, out.size()};
    if (!read(from, out.emplace_back(), here)) return false;
  }
  return true;
}

template <schema::described T>
bool read(reader& from, T& out, const path& at) {
  if (!from.expect(json_kind::object, at)) return false;
  from.in.enter();
  std::string_view key;
  std::string key_scratch;
  while (from.in.next_member(key, key_scratch)) {
    bool good = true;
    const bool known =
        from.in.peek() != json_kind::null && schema::visit_field(out, key, [&](auto& member) {
          good = read(from, member, path{&at, key, 0});
        });
    if (!good) return false;
    if (!known) from.in.raw();
  }
  return true;
}

// ---- writing

template <schema::described T>
void write(std::string& out, const T& value);
template <class T>
void write(std::string& out, const std::vector<T>& values);

void write(std::string& out, const std::string& value) {
  json_detail::append_string(out, value);
}
void write(std::string& out, const secret& value) {
  write(out, value.value);
}
void write(std::string& out, const json_text& value) {
  out += value.empty() ? "null" : value.raw;
}
void write(std::string& out, bool value) {
  out += value ? "true" : "false";
}
void write(std::string& out, double value) {
  json_detail::append_number(out, value);
}

void write(std::string& out, const byte_string& value) {
  out += '"';
  json_detail::append_base64(out, value.data);
  out += '"';
}

template <schema::integer T>
void write(std::string& out, T value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

template <schema::described_enum E>
void write(std::string& out, E value) {
  json_detail::append_string(out, schema::enum_name(value));
}

template <class T>
void write(std::string& out, const std::optional<T>& value) {
  if (value) return write(out, *value);
  out += "null";
}

template <class T>
void write(std::string& out, const nullable<T>& value) {
  write(out, value.value);
}

template <class T>
void write(std::string& out, const std::vector<T>& values) {
  out += '[';
  bool first = true;
  for (const T& value : values) {
    if (!first) out += ',';
    first = false;
    write(out, value);
  }
  out += ']';
}

template <class T>
bool left_out(const T&) {
  return false;
}
template <class T>
bool left_out(const std::optional<T>& value) {
  return !value;
}
bool left_out(const json_text& value) {
  return value.empty();
}

template <schema::described T>
void write(std::string& out, const T& value) {
  char before = '{';
  schema::for_each_field(value, [&](std::string_view name, const auto& member) {
    if (left_out(member)) return;
    out += before;
    before = ',';
    out += '"';
    out += name;
    out += "\":";
    write(out, member);
  });
  out += before == '{' ? "{}" : "}";
}

// ---- parameters

/// Sets one field from a query or path parameter. Returns what is wrong, empty when nothing is.
template <class T>
std::string set_one(T&, std::string_view) {
  return {}; // lists and objects are no parameters
}
std::string set_one(std::string& out, std::string_view text) {
  out = text;
  return {};
}
std::string set_one(secret& out, std::string_view text) {
  return set_one(out.value, text);
}
std::string set_one(bool& out, std::string_view text) {
  if (text != "true" && text != "false" && text != "1" && text != "0")
    return "expected true or false";
  out = text == "true" || text == "1";
  return {};
}
std::string set_one(double& out, std::string_view text) {
  return number_from(text, out) && std::isfinite(out) ? std::string() : "expected a number";
}
template <schema::integer T>
std::string set_one(T& out, std::string_view text) {
  if (number_from(text, out)) return {};
  return "expected an integer from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
         std::to_string(std::numeric_limits<T>::max());
}
template <schema::described_enum E>
std::string set_one(E& out, std::string_view text) {
  const auto value = schema::enum_value<E>(text);
  if (!value) return schema::unknown_enumerator<E>(text);
  out = *value;
  return {};
}
template <class T>
std::string set_one(std::optional<T>& out, std::string_view text) {
  return set_one(out.emplace(), text);
}

} // namespace

template <class T>
result<T> decode(std::string_view text) {
  if (auto valid = check_json(text); !valid) return std::unexpected(std::move(valid.error()));
  reader from{cursor(text), {}, {}};
  T out;
  if (!read(from, out, path{})) return std::unexpected(std::move(from.why));
  return result<T>(std::in_place, std::move(out));
}

template <class T>
std::string encode(const T& value) {
  std::string out;
  write(out, value);
  return out;
}

template <class T>
result<void> set_fields(T& value, std::span<const parameter> parameters) {
  for (const auto& [name, text] : parameters) {
    std::string wrong;
    schema::visit_field(value, name, [&](auto& member) { wrong = set_one(member, text); });
    if (!wrong.empty()) return fail(errc::invalid_argument, name + ": " + wrong, name);
  }
  return {};
}

#define TROUPE_JSON_CODEC(T)                      \
  template result<T> decode<T>(std::string_view); \
  template std::string encode<T>(const T&);       \
  template result<void> set_fields<T>(T&, std::span<const parameter>);
TROUPE_MESSAGES(TROUPE_JSON_CODEC)
#undef TROUPE_JSON_CODEC

} // namespace troupe::json
