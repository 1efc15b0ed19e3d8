#pragma once

#include "messages/base/result.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// JSON for every type of message_list.hpp; the templates are instantiated for those types only.
/// Rules: an absent or null field keeps its default, an unknown one is skipped, an empty optional
/// and an empty json_text are left out, nullable is written as null, an enum is its name.
/// A member's trailing underscore is not part of its name on the wire.
namespace troupe::json {

/// Decodes one JSON text. Errors: `invalid_argument`, with `param` as the path of the offending
/// field (`messages[0].role`), empty when the text is no JSON at all (bad UTF-8 and nesting past
/// limits::json_depth included).
template <class T>
[[nodiscard]] result<T> decode(std::string_view text);

template <class T>
[[nodiscard]] std::string encode(const T& value);

/// Sets top-level fields from strings (path and query parameters): numbers, booleans, enums and
/// strings. Unknown names are ignored. Errors name the parameter.
using parameter = std::pair<std::string, std::string>;
template <class T>
[[nodiscard]] result<void> set_fields(T& value, std::span<const parameter> parameters);

} // namespace troupe::json
