#pragma once

#include "messages/base/result.hpp"
#include "messages/base/values.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What a file in a vector store may carry: flat values by key, as OpenAI has them. Pure.
namespace troupe {

/// Numbers are compared as doubles: whole numbers past 2^53 are not told apart.
using attribute_value = std::variant<std::string, double, bool>;

struct attribute {
  std::string key;
  attribute_value value;
};

/// Whether an object (or nothing) keeps the bounds of limits.hpp: at most 16 keys of 1 to 64
/// characters, values that are numbers, booleans or strings of at most 512 characters. Errors:
/// `invalid_argument`, param `attributes` or `attributes.KEY`.
[[nodiscard]] result<void> check_attributes(const json_text& object);

/// The attributes of checked JSON, the last of a key; a value past its bounds is left out.
[[nodiscard]] std::vector<attribute> attributes_of(const json_text& object);

/// One value from its JSON source. Errors: `invalid_argument` without param, the message says what
/// is wrong with it.
[[nodiscard]] result<attribute_value> attribute_value_of(std::string_view source);

/// Nothing, or why this cannot be a key.
[[nodiscard]] std::string_view wrong_with_key(std::string_view key) noexcept;

} // namespace troupe
