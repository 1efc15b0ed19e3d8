#pragma once

#include "adapters/documents/blocks.hpp"
#include "messages/base/result.hpp"

namespace troupe::documents {

/// HTML by gumbo: headings, paragraphs, lists, tables, code; no scripts, styles, navigation. `text`
/// is valid UTF-8. Errors: `invalid_argument` for elements or attributes in numbers that only an
/// attack has (they would take quadratic time).
[[nodiscard]] result<std::vector<block>> read_html(std::string_view text);

} // namespace troupe::documents
