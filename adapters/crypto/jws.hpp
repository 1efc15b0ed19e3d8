#pragma once

#include "actors/ports/crypto_ports.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The text side of compact JWS (RFC 7515): its three parts and the JSON inside them. No
/// cryptography. Pure, thread-safe.
namespace troupe::crypto {

inline constexpr std::size_t token_bytes_max = 8u << 10;

struct jws_header {
  std::string alg;
  std::string kid; ///< empty: none is written and any is accepted
};

struct jws_parts {
  std::string_view header, payload, signature; ///< base64url
  std::string_view signed_part;                ///< header, dot, payload
};

/// nullopt unless it is three non-empty parts within token_bytes_max. Views into `token`.
[[nodiscard]] std::optional<jws_parts> split_jws(std::string_view token);

/// The JSON of a header of ours, not encoded.
[[nodiscard]] std::string write_header(const jws_header& header);

/// Whether a header names exactly this algorithm, no other key and nothing critical (`crit`).
[[nodiscard]] bool header_allowed(std::string_view base64url, const jws_header& expected);

struct jws_claims {
  token_claims claims;
  std::int64_t not_before = 0; ///< `nbf`, 0 when absent
};

[[nodiscard]] std::string write_claims(const token_claims& claims);

/// nullopt unless it is a JSON object in UTF-8 with non-empty strings sub and sid and integers iat
/// and exp. Other claims are skipped.
[[nodiscard]] std::optional<jws_claims> read_claims(std::string_view json);

} // namespace troupe::crypto
