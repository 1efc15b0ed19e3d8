#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// A body for people who look at the bus: its fields, without what they hold. Pure, bounded, never
/// throws.
namespace troupe::wire {

inline constexpr std::size_t shown_body_bytes = 4u << 10; ///< a longer body is not looked into

enum class body_detail : std::uint8_t {
  shape = 1, ///< texts and bytes are replaced by their length, numbers and flags stay
  plain = 2, ///< texts stay, but for secrets
};

/// The MessagePack body as a line of JSON. A field whose name says so (password, token, key, …)
/// shows its length only; in what stays, words that look like keys, tokens and passwords inside of
/// JSON are blotted out. What is longer than shown_body_bytes, or no MessagePack, is only measured;
/// so is what would be longer than tapped_text_bytes.
[[nodiscard]] std::string body_text(std::string_view body, body_detail detail);

/// Whether a field of this name may hold a secret.
[[nodiscard]] bool is_secret_name(std::string_view name);

/// The text without what looks like a secret: `Bearer …`, API keys, tokens, and values of secret
/// names in a JSON text.
[[nodiscard]] std::string blotted(std::string_view text);

} // namespace troupe::wire
