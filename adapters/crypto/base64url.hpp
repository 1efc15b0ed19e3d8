#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Base64 (RFC 4648), strict: only the canonical text of some bytes decodes. nullopt for foreign
/// characters, wrong padding, a length that no bytes give, or leftover bits that are not zero.
namespace troupe::crypto {

/// The URL-safe alphabet without padding (5), as JOSE writes it.
[[nodiscard]] std::string to_base64url(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

/// The standard alphabet (4) with its padding.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

/// The standard alphabet without padding, as `$argon2id$…` has it.
[[nodiscard]] std::optional<std::string> from_base64_unpadded(std::string_view text);

} // namespace troupe::crypto
