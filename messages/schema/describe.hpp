#pragma once

#include "messages/base/values.hpp"

#include <array>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// What the generic codecs read of a described struct or enum. Pure, compile-time where it can be.
namespace troupe::schema {

template <class T>
concept described = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;
template <class T>
concept described_enum = boost::describe::has_describe_enumerators<T>::value;
/// bool is no number on any wire.
template <class T>
concept integer = std::integral<T> && !std::same_as<T, bool>;

template <class T, template <class...> class Outer>
inline constexpr bool is_a = false;
template <class... T, template <class...> class Outer>
inline constexpr bool is_a<Outer<T...>, Outer> = true;

template <class T>
concept optional_field = is_a<T, std::optional>;
template <class T>
concept nullable_field = is_a<T, nullable>;
template <class T>
concept vector_field = is_a<T, std::vector>;

template <described T>
using members_of = boost::describe::describe_members<T, boost::describe::mod_public |
                                                            boost::describe::mod_inherited>;

template <described T>
inline constexpr std::size_t field_count = boost::mp11::mp_size<members_of<T>>::value;

/// A member's name on the wire: without the trailing underscore that keeps it apart from its type.
[[nodiscard]] constexpr std::string_view wire_name(std::string_view member) noexcept {
  if (member.ends_with('_')) member.remove_suffix(1);
  return member;
}

/// Calls visit(wire name, member) for each field in order of declaration.
template <class T, class Visit>
  requires described<std::remove_const_t<T>>
constexpr void for_each_field(T& value, Visit&& visit) {
  boost::mp11::mp_for_each<members_of<std::remove_const_t<T>>>([&](auto descriptor) {
    constexpr std::string_view name = wire_name(decltype(descriptor)::name);
    visit(name, value.*descriptor.pointer);
  });
}

/// Calls visit(member) for the first field of this wire name. Returns whether there is one.
template <described T, class Visit>
constexpr bool visit_field(T& value, std::string_view name, Visit&& visit) {
  bool found = false;
  for_each_field(value, [&](std::string_view field, auto& member) {
    if (found || field != name) return;
    found = true;
    visit(member);
  });
  return found;
}

/// The name of an enumerator; empty for a number that no enumerator has.
template <described_enum E>
[[nodiscard]] constexpr std::string_view enum_name(E value) noexcept {
  std::string_view name;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto descriptor) {
    if (descriptor.value == value) name = descriptor.name;
  });
  return name;
}

template <described_enum E>
[[nodiscard]] constexpr std::optional<E> enum_value(std::string_view name) noexcept {
  std::optional<E> found;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto descriptor) {
    if (name == descriptor.name) found = descriptor.value;
  });
  return found;
}

/// All enumerators' names in order of declaration.
template <described_enum E>
[[nodiscard]] inline std::vector<std::string_view> enum_names() {
  std::vector<std::string_view> names;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>(
      [&](auto descriptor) { names.emplace_back(descriptor.name); });
  return names;
}

/// "unknown value 'x', expected one of a, b, c": the message for a name that no enumerator has.
template <described_enum E>
[[nodiscard]] std::string unknown_enumerator(std::string_view given) {
  std::string text = "unknown value '" + std::string(given.substr(0, 40)) + "', expected one of ";
  bool first = true;
  for (const std::string_view name : enum_names<E>()) {
    if (!first) text += ", ";
    first = false;
    text += name;
  }
  return text;
}

/// Where a decoder is: a chain of names and indices on the stack, written out only for an error.
struct path {
  const path* up = nullptr;
  std::string_view name; ///< a field, or empty for an element
  std::size_t index = 0; ///< of an element

  /// `messages[0].role`; empty at the top.
  [[nodiscard]] std::string text() const {
    if (!up) return {};
    std::string out = up->text();
    if (name.empty()) return out + "[" + std::to_string(index) + "]";
    if (!out.empty()) out += '.';
    return out.append(name);
  }
};

} // namespace troupe::schema
