#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe {

/// The signature algorithms of JOSE that Troupe signs with and accepts (RFC 7518, 3.1; RFC 8037).
enum class jws_alg : std::uint8_t { eddsa, hs256, es256, es384, rs256, rs384, rs512, ps256 };

/// As a header's `alg` has it, e.g. "EdDSA".
[[nodiscard]] std::string_view name_of(jws_alg alg) noexcept;

/// The reverse, exactly as name_of() writes it; nullopt for `none` and every other text.
[[nodiscard]] std::optional<jws_alg> jws_alg_named(std::string_view name) noexcept;

} // namespace troupe
