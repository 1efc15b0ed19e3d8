#pragma once

#include "messages/base/values.hpp"
#include "runtime/config_keys.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Values on their way from a source into the tree, and back into text. Pure.
namespace troupe {

/// A value as a source gives it. The environment and the flags know only text, from which numbers,
/// durations and lists (parted by commas) are read; troupe.toml has types, and they must fit.
struct raw_value {
  std::variant<std::string, std::int64_t, double, bool, std::vector<std::string>> value;
  bool typed = false; ///< from troupe.toml

  static raw_value text(std::string from) { return {std::move(from), false}; }
};

/// What would have been right, for a sentence that begins with the key: `wants a whole number from
/// 1 to 64, not "many"`. A secret's text is never repeated.
using complaint = std::string;

[[nodiscard]] std::expected<void, complaint> assign(std::string& to, const raw_value& from,
                                                    const key_info& key);
[[nodiscard]] std::expected<void, complaint> assign(secret& to, const raw_value& from,
                                                    const key_info& key);
/// `true` and `false`.
[[nodiscard]] std::expected<void, complaint> assign(bool& to, const raw_value& from,
                                                    const key_info& key);
[[nodiscard]] std::expected<void, complaint> assign(std::uint32_t& to, const raw_value& from,
                                                    const key_info& key);
[[nodiscard]] std::expected<void, complaint> assign(std::uint64_t& to, const raw_value& from,
                                                    const key_info& key);
/// `20s`, `500ms`, `2m`, `1h`; a bare number is seconds.
[[nodiscard]] std::expected<void, complaint> assign(std::chrono::milliseconds& to,
                                                    const raw_value& from, const key_info& key);
[[nodiscard]] std::expected<void, complaint> assign(std::vector<std::string>& to,
                                                    const raw_value& from, const key_info& key);

/// As one would write it in troupe.toml, without the quotes of a string; `[secret]` for a secret.
[[nodiscard]] std::string show(const std::string& value);
[[nodiscard]] std::string show(const secret& value);
[[nodiscard]] std::string show(bool value);
[[nodiscard]] std::string show(std::uint32_t value);
[[nodiscard]] std::string show(std::uint64_t value);
[[nodiscard]] std::string show(std::chrono::milliseconds value);
[[nodiscard]] std::string show(const std::vector<std::string>& value);

/// Whether the setting holds a secret; its source's text must not be printed.
template <class T>
inline constexpr bool is_secret = std::is_same_v<T, secret>;

} // namespace troupe
