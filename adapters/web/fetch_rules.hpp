#pragma once

#include "actors/ports/http_fetch.hpp"
#include "messages/base/result.hpp"

#include <curl/curl.h>
#include <string>

/// Which requests are sent at all, and what curl's results mean. Pure.
namespace troupe::web {

/// `invalid_argument` naming the field.
[[nodiscard]] result<void> check(const fetch_request& request);

/// What the POST carries: the form, encoded, or the body.
[[nodiscard]] std::string payload_of(const fetch_request& request);

/// `host:port` of a URL for a log line: no user, path or query.
[[nodiscard]] std::string host_of(const std::string& url);

[[nodiscard]] error to_error(CURLcode code);

} // namespace troupe::web
