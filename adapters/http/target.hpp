#pragma once

#include "messages/base/result.hpp"
#include "messages/codec/json.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A request's target taken apart. Pure.
namespace troupe::http {

inline constexpr std::size_t parameters_max = 64; ///< in one query string

/// `%41` to `A`, and `+` to a space where `plus_is_space`. Nothing when an escape is malformed or
/// stands for a NUL.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// Everything but the characters that RFC 5987 lets stand, as `%XX`.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// The path of a target, still encoded: `/v1/logs` of `/v1/logs?q=x` and of `http://host/v1/logs`.
[[nodiscard]] std::string_view path_of(std::string_view target) noexcept;

/// The query parameters of a target, decoded, in order. Errors: `invalid_argument`.
[[nodiscard]] result<std::vector<json::parameter>> query_of(std::string_view target);

} // namespace troupe::http
