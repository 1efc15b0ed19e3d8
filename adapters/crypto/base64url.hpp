#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Base64url without padding (RFC 4648, 5), strict: only the canonical text of some bytes decodes.
namespace troupe::crypto {

[[nodiscard]] std::string to_base64url(std::string_view bytes);

/// nullopt for padding, foreign characters, a length that no bytes give, or leftover bits that are
/// not zero.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

} // namespace troupe::crypto
