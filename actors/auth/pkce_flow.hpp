#pragma once

#include "actors/ports/crypto_ports.hpp"
#include "actors/ports/identity_records.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Proof Key for Code Exchange (RFC 7636): a browser's sign-in ends with a code in a URL, and only
/// the client that began it can make a session of that code. Pure but for the random code.
namespace troupe::pkce_flow {

/// How a code is kept in the one_time_store.
inline constexpr std::string_view code_kind = "pkce_code";

struct challenge {
  std::string value;  ///< empty: the sign-in is without PKCE
  std::string method; ///< `s256` or `plain`
  bool operator==(const challenge&) const = default;
};

/// What a client sent, checked. A method without a challenge is none; a challenge without a method
/// is `plain`. Errors: `invalid_argument`.
[[nodiscard]] result<challenge> challenge_of(std::string value, std::string method);

/// Whether this verifier is what the challenge was made of; never of an empty challenge.
[[nodiscard]] bool fits(const challenge& asked, std::string_view verifier, const digests& digest);

/// A fresh code: the row to store and the text for the URL.
struct code {
  one_time_row row;
  std::string text;
};
/// `method` is how the session began, `now` is in Unix seconds; good for limits::pkce_code_ttl.
[[nodiscard]] code make_code(std::string user_id, std::string_view method, const challenge& asked,
                             const digests& digest, std::int64_t now);

/// What make_code() was given.
[[nodiscard]] challenge challenge_of(const one_time_row& row);
[[nodiscard]] std::string method_of(const one_time_row& row);

} // namespace troupe::pkce_flow
