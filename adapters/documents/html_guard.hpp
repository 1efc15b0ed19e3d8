#pragma once

#include <string_view>

namespace troupe::documents {

/// Whether a parser that looks through its open elements for every tag, and through a tag's
/// attributes for every attribute, will still be fast: at most 512 elements deep and 256 attributes
/// a tag. One pass over the bytes, no tree.
[[nodiscard]] bool is_parsed_in_linear_time(std::string_view html) noexcept;

} // namespace troupe::documents
