#include "messages/codec/schema.hpp"

#include "messages/codec/json_cursor.hpp"
#include "messages/field_rules.hpp"
#include "messages/schema/describe.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

/// The schemas of the listed messages. Nested structs that are messages themselves are references.
namespace troupe::json {
namespace {

using json_detail::append_number;
using json_detail::append_string;

template <class T>
inline constexpr std::string_view listed_name{};
#define TROUPE_LISTED_NAME(T) \
  template <>                 \
  [[maybe_unused]] inline constexpr std::string_view listed_name<T> = #T;
TROUPE_MESSAGES(TROUPE_LISTED_NAME)
#undef TROUPE_LISTED_NAME

void append_words(std::string& out, std::span<const std::string_view> words) {
  out += R"(,"enum":[)";
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += ',';
    append_string(out, words[i]);
  }
  out += ']';
}

/// A schema counts characters, the rules bytes of UTF-8: what they accept is within these bounds.
void append_lengths(std::string& out, const field_rule& rule) {
  const std::size_t least = (rule.bytes_min + 3) / 4;
  if (rule.required || least != 0)
    out += ",\"minLength\":" + std::to_string(std::max<std::size_t>(least, 1));
  if (rule.bytes_max != 0) out += ",\"maxLength\":" + std::to_string(rule.bytes_max);
}

/// 1000000 rather than 1e+06: not every reader takes the latter for an integer.
void append_bound(std::string& out, double value) {
  constexpr double exact_end = 9007199254740992; // 2^53
  if (value == std::trunc(value) && std::abs(value) < exact_end)
    out += std::to_string(static_cast<std::int64_t>(value));
  else
    append_number(out, value);
}

void append_bounds(std::string& out, double least, double most) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (least != -infinity) append_bound(out += ",\"minimum\":", least);
  if (most != infinity) append_bound(out += ",\"maximum\":", most);
}

/// Writes the schema of a type under a rule, without its last brace.
template <class T>
struct schema_of;

template <>
struct schema_of<std::string> {
  static void write(std::string& out, const field_rule& rule) {
    out += R"({"type":"string")";
    if (rule.time) out += R"(,"format":"date-time")";
    if (!rule.words.empty())
      append_words(out, rule.words);
    else
      append_lengths(out, rule);
  }
};
template <>
struct schema_of<secret> {
  static void write(std::string& out, const field_rule& rule) {
    out += R"({"type":"string","format":"password")";
    append_lengths(out, rule);
  }
};
template <>
struct schema_of<byte_string> {
  static void write(std::string& out, const field_rule&) {
    out += R"({"type":"string","contentEncoding":"base64")";
  }
};
template <>
struct schema_of<json_text> {
  static void write(std::string& out, const field_rule& rule) {
    if (!rule.json.empty())
      out += rule.json.substr(0, rule.json.size() - 1);
    else
      out += rule.object ? R"({"type":"object")" : "{";
  }
};
template <>
struct schema_of<bool> {
  static void write(std::string& out, const field_rule&) { out += R"({"type":"boolean")"; }
};
template <>
struct schema_of<double> {
  static void write(std::string& out, const field_rule& rule) {
    out += R"({"type":"number")";
    append_bounds(out, rule.least, rule.most);
  }
};
template <schema::integer T>
struct schema_of<T> {
  static void write(std::string& out, const field_rule& rule) {
    out += R"({"type":"integer")";
    double least = rule.least, most = rule.most;
    if constexpr (std::is_unsigned_v<T>) least = std::max(least, 0.0);
    if constexpr (sizeof(T) < sizeof(std::int64_t))
      most = std::min(most, static_cast<double>(std::numeric_limits<T>::max()));
    append_bounds(out, least, most);
  }
};
template <schema::described_enum E>
struct schema_of<E> {
  static void write(std::string& out, const field_rule&) {
    out += R"({"type":"string")";
    append_words(out, schema::enum_names<E>());
  }
};
template <class T>
struct schema_of<std::optional<T>> : schema_of<T> {};
template <class T>
struct schema_of<std::vector<T>> {
  static void write(std::string& out, const field_rule& rule) {
    out += R"({"type":"array","items":)";
    schema_of<T>::write(out, {});
    out += '}';
    if (rule.items_min != 0) out += ",\"minItems\":" + std::to_string(rule.items_min);
    if (rule.items_max != 0) out += ",\"maxItems\":" + std::to_string(rule.items_max);
  }
};
/// A plain type becomes a type array with null, a reference an anyOf.
template <class T>
struct schema_of<nullable<T>> {
  static void write(std::string& out, const field_rule& rule) {
    std::string inner;
    schema_of<T>::write(inner, rule);
    constexpr std::string_view plain = R"({"type":")";
    if (!inner.starts_with(plain)) {
      out += R"({"anyOf":[)" + inner + R"(},{"type":"null"}])";
      return;
    }
    const std::size_t quote = inner.find('"', plain.size());
    out += R"({"type":[")" + inner.substr(plain.size(), quote - plain.size()) + R"(","null"])";
    out += inner.substr(quote + 1);
  }
};
template <schema::described T>
struct schema_of<T> {
  static void write(std::string& out, const field_rule&) {
    static_assert(!listed_name<T>.empty(), "a nested struct belongs on the list of messages");
    out += R"({"$ref":"#/components/schemas/)";
    out += listed_name<T>;
    out += '"';
  }
};

/// What the field is when a client leaves it out, where that is worth a word.
template <class T>
void append_default(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    if (!value.empty()) append_string(out += ",\"default\":", value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? ",\"default\":true" : ",\"default\":false";
  } else if constexpr (schema::integer<T>) {
    if (value != 0) out += ",\"default\":" + std::to_string(value);
  }
}

/// `object` and `token_type` of a reply never change.
void append_constant(std::string&, std::string_view, const auto&) {}
void append_constant(std::string& out, std::string_view name, const std::string& value) {
  if ((name == "object" || name == "token_type") && !value.empty())
    append_string(out += ",\"const\":", value);
}

void append_about(std::string& out, const field_rule& rule) {
  std::string text;
  if (rule.bytes_min != 0)
    text = std::to_string(rule.bytes_min) + " to " + std::to_string(rule.bytes_max);
  else if (rule.bytes_max != 0)
    text = "At most " + std::to_string(rule.bytes_max);
  if (!text.empty()) text += " bytes of UTF-8.";
  if (!text.empty() && !rule.about.empty()) text += ' ';
  text += rule.about;
  if (!text.empty()) append_string(out += ",\"description\":", text);
}

/// Whether the JSON writer writes the field always.
template <class Field>
bool always_written(const Field& value) {
  if constexpr (std::is_same_v<Field, json_text>) return !value.empty();
  return !schema::optional_field<Field>;
}

template <class T>
message_schema schema_of_message(std::string name) {
  static_assert(rules_name_fields<T>());
  message_schema out{std::move(name), {}, std::string(object_rules<T>)};
  const T fresh{};
  schema::for_each_field(fresh, [&]<class Field>(std::string_view field, const Field& value) {
    const field_rule rule = rule_of<T>(field);
    field_schema made{std::string(field), {}, rule.required, rule.internal};
    schema_of<Field>::write(made.schema, rule);
    if constexpr (is_request<T>) {
      if (!rule.required) append_default(made.schema, value);
    } else {
      made.required = always_written(value);
      append_constant(made.schema, field, value);
    }
    append_about(made.schema, rule);
    made.schema += '}';
    if (made.schema.starts_with("{,")) made.schema.erase(1, 1); // of a free-form field
    out.fields.push_back(std::move(made));
  });
  return out;
}

} // namespace

std::vector<message_schema> message_schemas() {
  std::vector<message_schema> out;
#define TROUPE_SCHEMA(T) out.push_back(schema_of_message<T>(#T));
  TROUPE_MESSAGES(TROUPE_SCHEMA)
#undef TROUPE_SCHEMA
  return out;
}

std::string object_schema(const message_schema& message) {
  std::string properties, required;
  for (const field_schema& field : message.fields) {
    if (field.internal) continue;
    if (!properties.empty()) properties += ',';
    append_string(properties, field.name);
    properties += ':' + field.schema;
    if (!field.required) continue;
    if (!required.empty()) required += ',';
    append_string(required, field.name);
  }
  std::string out = R"({"type":"object",)" + message.members;
  if (!required.empty()) out += "\"required\":[" + required + "],";
  return out + "\"properties\":{" + properties + "}}";
}

} // namespace troupe::json
