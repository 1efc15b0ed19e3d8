#pragma once

#include "messages/base/result.hpp"

#include <span>
#include <string_view>

/// What libzmq asks before it lets a connection in (RFC 27, ZAP 1.0).
namespace troupe::wire {

inline constexpr std::size_t zap_frames = 7;   ///< of a request with the mechanism CURVE
inline constexpr std::size_t curve_bytes = 32; ///< a key, raw

/// Views of the frames.
struct zap_request {
  std::string_view id;      ///< to be repeated in the answer
  std::string_view domain;  ///< which socket asks
  std::string_view address; ///< the peer's, as text
  std::string_view key;     ///< the peer's public key, raw
};

/// Errors: `invalid_argument` when it is not a request about a CURVE connection.
[[nodiscard]] result<zap_request> read_zap_request(std::span<const std::string_view> frames);

} // namespace troupe::wire
