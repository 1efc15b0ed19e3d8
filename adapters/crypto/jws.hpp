#pragma once

#include "actors/ports/crypto_ports.hpp"
#include "adapters/crypto/jws_alg.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The text side of compact JWS (RFC 7515): its three parts and the JSON inside them. No
/// cryptography. Pure, thread-safe.
namespace troupe::crypto {

struct jws_parts {
  std::string_view header, payload, signature; ///< base64url
  std::string_view signed_part;                ///< header, dot, payload
};

/// nullopt unless it is three non-empty parts within limits::token_bytes. Views into `token`.
[[nodiscard]] std::optional<jws_parts> split_jws(std::string_view token);

struct jws_header {
  jws_alg alg = jws_alg::eddsa;
  std::string kid;              ///< empty: none
  bool is_access_token = false; ///< by its `typ` (RFC 9068)
};

/// The JSON of a header of ours, not encoded.
[[nodiscard]] std::string write_header(const jws_header& header);

/// nullopt when it is malformed, has an algorithm that we do not know, a `typ` that is no access or
/// identity token, or anything critical (`crit`). What offers keys (jwk, jku, x5c, x5u) is not
/// looked at: keys come from configuration only.
[[nodiscard]] std::optional<jws_header> read_header(std::string_view base64url);

struct jws_claims {
  token_claims claims;
  std::int64_t not_before = 0; ///< `nbf`, 0 when absent
};

[[nodiscard]] std::string write_claims(const token_claims& claims);

/// nullopt unless it is a JSON object with non-empty strings sub and sid (or session_id, or both
/// alike) and integers iat and exp. Other claims than those of token_claims and nbf are skipped.
[[nodiscard]] std::optional<jws_claims> read_claims(std::string_view json);

} // namespace troupe::crypto
