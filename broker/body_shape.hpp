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

/// The MessagePack body as a line of JSON. Of a field whose name says so (password, token, key, …)
/// and of all below it texts show their length and all else nothing, but for counts of tokens; in
/// what stays, words that look like keys and tokens are blotted out, and so is what has such a name
/// in a JSON text. What is longer than shown_body_bytes, or no MessagePack, is only measured;
/// so is what would be longer than tapped_text_bytes.
[[nodiscard]] std::string body_text(std::string_view body, body_detail detail);

/// Whether a field of this name may hold a secret.
[[nodiscard]] bool is_secret_name(std::string_view name);

/// The text without what looks like a secret: `Bearer …`, API keys, tokens, and values of secret
/// names in a JSON text, whatever they are; also in JSON texts within its strings. What is nested
/// more than 4 times, or has more than shown_body_bytes, is hidden whole.
[[nodiscard]] std::string blotted(std::string_view text);

} // namespace troupe::wire
