#pragma once

#include "messages/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

/// multipart/form-data (RFC 7578), bounded and without copies of the parts. Pure.
namespace troupe::http {

inline constexpr std::size_t form_parts_max = 16;
inline constexpr std::size_t part_header_bytes_max = 8192;

struct form_part {
  std::string name;
  std::string filename; ///< without any folder; empty when the part is no file
  bool has_filename = false;
  std::string_view body; ///< lies in the text that was parsed
};

/// The parts of a body under the boundary that `content_type` names. A `filename*` (RFC 5987,
/// UTF-8) goes before `filename`. Errors: `unsupported_media` when the type is another,
/// `invalid_argument` for a malformed body.
[[nodiscard]] result<std::vector<form_part>> parse_form(std::string_view content_type,
                                                        std::string_view body);

} // namespace troupe::http
