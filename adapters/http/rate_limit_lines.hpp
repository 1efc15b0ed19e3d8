#pragma once

#include "messages/limits.hpp"

#include <string>
#include <vector>

namespace troupe::http {

/// The header lines `x-ratelimit-limit-…`, `-remaining-…` and `-reset-…` for requests and tokens as
/// OpenAI's API has them, each with CRLF. Other limits have no header there and none here.
[[nodiscard]] std::string rate_limit_lines(const std::vector<rate_limit>& limits);

} // namespace troupe::http
