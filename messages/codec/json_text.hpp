#pragma once

#include "messages/base/result.hpp"
#include "messages/base/values.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Questions about raw JSON text. Pure.
namespace troupe {

enum class json_kind : std::uint8_t { absent, null, boolean, number, string, array, object };

/// What a validated JSON text is; `absent` when it is empty. Looks at its first character only.
[[nodiscard]] json_kind kind_of(const json_text& value) noexcept;

/// The same with an article, for messages: `an object`, `a number`, `null`.
[[nodiscard]] std::string_view name_of(json_kind kind) noexcept;

/// Whether `text` is one JSON text: syntax, UTF-8 and nesting up to limits::json_depth. Errors:
/// `invalid_argument` without `param`, the message tells the byte where reading stopped.
[[nodiscard]] result<void> check_json(std::string_view text);

/// How many elements a validated array has; 0 for anything else.
[[nodiscard]] std::size_t count_elements(const json_text& array) noexcept;

/// Whether a validated array has a string as its first element.
[[nodiscard]] bool holds_strings(const json_text& array) noexcept;

/// A validated object without its members of this name.
[[nodiscard]] json_text without(const json_text& object, std::string_view name);

/// A validated object with one more member, in front; a name that needs no escapes.
[[nodiscard]] json_text with_member(std::string_view name, const json_text& value,
                                    const json_text& object);

/// `text` after check_json().
[[nodiscard]] result<json_text> make_json_text(std::string text);

} // namespace troupe
