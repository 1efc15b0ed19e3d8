#pragma once

#include "messages/codec/attributes.hpp"

#include <cstdint>
#include <vector>

/// OpenAI's filters over the attributes of a vector store's files: comparisons
/// `{type, key, value}` and compounds `{type, filters}` of them. Pure.
namespace troupe {

struct attribute_filter {
  enum class operation : std::uint8_t { eq, ne, gt, gte, lt, lte, in, nin, all, any };

  operation type = operation::all;
  std::string key;                       ///< a comparison's
  std::vector<attribute_value> values;   ///< a comparison's: one, several for in and nin
  std::vector<attribute_filter> filters; ///< a compound's; `and` is all, `or` is any
};

/// Reads a filter of checked JSON, within limits::filter_depth, filter_nodes and filter_values.
/// What it does not know it refuses: a condition must not be left out silently. Errors:
/// `invalid_argument`, param the path of what is wrong, e.g. `filters.filters[1].type`.
[[nodiscard]] result<attribute_filter> filter_of(const json_text& filters);

/// Values of different types are never equal, and neither less nor greater. An absent key has no
/// value: it matches ne and nin and nothing else. Strings are ordered by their bytes.
[[nodiscard]] bool matches(const attribute_filter& filter,
                           const std::vector<attribute>& attributes);

} // namespace troupe
