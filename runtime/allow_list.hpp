#pragma once

#include "broker/access.hpp"
#include "messages/base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// The file that bus.allow names: which keys belong to which principal, and what that may do.
///
///     [principals.edge]
///     public_keys = ["…"]   # Z85; several while a key is rotated
///     register = []         # services that it may serve; "*": all
///     call = ["router"]     # services that it may ask
///     publish = []          # topics, for the event plane to come
///     subscribe = []
///     tap = false           # whether it may look on at what passes (troupe tap)
namespace troupe {

/// Errors: `invalid_argument` with file, line and field. `public_keys` must be there, though it may
/// be empty; the other lists are empty when they are not there.
[[nodiscard]] result<std::vector<access_rule>> parse_allow_list(std::string_view text,
                                                                const std::string& file);

/// The whole file, at most 1 MiB. Errors: `invalid_argument`, with the reason.
[[nodiscard]] result<std::string> read_allow_list(const std::filesystem::path& file);

} // namespace troupe
