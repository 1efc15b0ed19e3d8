#include "messages/codec/json.hpp"
#include "messages/codec/json_cursor.hpp"
#include "messages/message_list.hpp"
#include "messages/schema/describe.hpp"

#include <limits>

/// JSON Schema 2020-12 of the listed messages, as OpenAPI 3.1 takes it. Nested structs that are
/// messages themselves are references.
namespace troupe::json {
namespace {

using json_detail::append_string;

template <class T>
inline constexpr std::string_view listed_name{};
#define TROUPE_LISTED_NAME(T) \
  template <>                 \
  [[maybe_unused]] inline constexpr std::string_view listed_name<T> = #T;
TROUPE_MESSAGES(TROUPE_LISTED_NAME)
#undef TROUPE_LISTED_NAME

template <class T>
struct schema_of;

template <class T>
void write_properties(std::string& out);

template <>
struct schema_of<std::string> {
  static void write(std::string& out) { out += R"({"type":"string"})"; }
};
template <>
struct schema_of<secret> {
  static void write(std::string& out) { out += R"({"type":"string","format":"password"})"; }
};
template <>
struct schema_of<byte_string> {
  static void write(std::string& out) { out += R"({"type":"string","contentEncoding":"base64"})"; }
};
template <>
struct schema_of<json_text> {
  static void write(std::string& out) { out += "{}"; }
};
template <>
struct schema_of<bool> {
  static void write(std::string& out) { out += R"({"type":"boolean"})"; }
};
template <>
struct schema_of<double> {
  static void write(std::string& out) { out += R"({"type":"number"})"; }
};
template <schema::integer T>
struct schema_of<T> {
  static void write(std::string& out) {
    out += R"({"type":"integer")";
    if constexpr (std::is_unsigned_v<T>) out += R"(,"minimum":0)";
    if constexpr (sizeof(T) < sizeof(std::int64_t)) {
      out += ",\"maximum\":" + std::to_string(std::numeric_limits<T>::max());
    }
    out += '}';
  }
};
template <schema::described_enum E>
struct schema_of<E> {
  static void write(std::string& out) {
    out += R"({"type":"string","enum":[)";
    bool first = true;
    for (const std::string_view name : schema::enum_names<E>()) {
      if (!first) out += ',';
      first = false;
      append_string(out, name);
    }
    out += "]}";
  }
};
template <class T>
struct schema_of<std::optional<T>> : schema_of<T> {};
template <class T>
struct schema_of<std::vector<T>> {
  static void write(std::string& out) {
    out += R"({"type":"array","items":)";
    schema_of<T>::write(out);
    out += '}';
  }
};
/// A plain type becomes a type array with null, a reference an anyOf.
template <class T>
struct schema_of<nullable<T>> {
  static void write(std::string& out) {
    std::string inner;
    schema_of<T>::write(inner);
    constexpr std::string_view plain = R"({"type":")";
    if (!inner.starts_with(plain)) {
      out += R"({"anyOf":[)" + inner + R"(,{"type":"null"}]})";
      return;
    }
    const std::size_t quote = inner.find('"', plain.size());
    out += R"({"type":[")" + inner.substr(plain.size(), quote - plain.size()) + R"(","null"])";
    out += inner.substr(quote + 1);
  }
};
template <schema::described T>
struct schema_of<T> {
  static void write(std::string& out) {
    static_assert(!listed_name<T>.empty(), "a nested struct belongs on the list of messages");
    out += R"({"$ref":"#/components/schemas/)";
    out += listed_name<T>;
    out += R"("})";
  }
};

template <class T>
void write_properties(std::string& out) {
  out += R"({"type":"object","properties":{)";
  bool first = true;
  const T value{};
  schema::for_each_field(value, [&]<class Field>(std::string_view name, const Field&) {
    if (!first) out += ',';
    first = false;
    append_string(out, name);
    out += ':';
    schema_of<Field>::write(out);
  });
  out += "}}";
}

} // namespace

std::string schemas() {
  std::string out;
  char before = '{';
#define TROUPE_SCHEMA(T)  \
  out += before;          \
  before = ',';           \
  append_string(out, #T); \
  out += ':';             \
  write_properties<T>(out);
  TROUPE_MESSAGES(TROUPE_SCHEMA)
#undef TROUPE_SCHEMA
  out += '}';
  return out;
}

} // namespace troupe::json
