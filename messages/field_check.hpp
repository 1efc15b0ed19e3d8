#pragma once

#include "messages/base/result.hpp"
#include "messages/codec/json_text.hpp"
#include "messages/field_rules.hpp"
#include "messages/schema/describe.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

/// Private to messages/: holds a request to field_rules.hpp.
namespace troupe::field_check {

/// `invalid_argument` that names the field, in its message too.
[[nodiscard]] std::unexpected<error> refuse(std::string param, std::string_view what);

/// RFC 3339, section 5.6; a leap second passes.
[[nodiscard]] bool is_rfc3339(std::string_view text) noexcept;

/// What is wrong with a value under a rule; empty when nothing is.
[[nodiscard]] std::string hold_text(const field_rule& rule, std::string_view text);
[[nodiscard]] std::string hold_number(const field_rule& rule, double value);
[[nodiscard]] std::string hold_count(const field_rule& rule, std::size_t count);

inline bool is_empty(const std::string& value) {
  return value.empty();
}
inline bool is_empty(const secret& value) {
  return value.value.empty();
}
inline bool is_empty(const json_text& value) {
  const json_kind kind = kind_of(value);
  return kind == json_kind::absent || kind == json_kind::null;
}
template <class T>
bool is_empty(const std::vector<T>& value) {
  return value.empty();
}
template <class T>
bool is_empty(const std::optional<T>& value) {
  return !value;
}
template <class T>
bool is_empty(const T&) {
  return false; // a number, an enumerator, an object: there is always one
}

template <class T>
std::string hold(const field_rule& rule, const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return hold_text(rule, value);
  } else if constexpr (std::is_same_v<T, secret>) {
    return hold_text(rule, value.value);
  } else if constexpr (std::is_same_v<T, json_text>) {
    const json_kind kind = kind_of(value);
    if (!rule.object || kind == json_kind::object) return {};
    return "expected an object, got " + std::string(name_of(kind));
  } else if constexpr (schema::vector_field<T>) {
    return hold_count(rule, value.size());
  } else if constexpr (schema::optional_field<T>) {
    return value ? hold(rule, *value) : std::string();
  } else if constexpr (std::is_arithmetic_v<T>) {
    return hold_number(rule, static_cast<double>(value));
  } else {
    return {};
  }
}

/// Holds each field to its rule; `before` stands in front of the names in errors. What is as in a
/// fresh struct counts as absent.
template <class T>
result<void> check_fields(const T& in, const std::string& before = {}) {
  static_assert(is_request<T> && rules_name_fields<T>());
  static const T fresh{};
  result<void> out;
  boost::mp11::mp_for_each<schema::members_of<T>>([&](auto descriptor) {
    if (!out) return;
    constexpr std::string_view name = schema::wire_name(decltype(descriptor)::name);
    constexpr field_rule rule = rule_of<T>(name);
    const auto& value = in.*descriptor.pointer;
    std::string wrong;
    if (rule.required && is_empty(value)) {
      wrong = "is required";
    } else if (!(value == fresh.*descriptor.pointer)) {
      wrong = hold(rule, value);
    }
    if (!wrong.empty()) out = refuse(before + std::string(name), wrong);
  });
  return out;
}

} // namespace troupe::field_check
