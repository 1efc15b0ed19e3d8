#pragma once

#include <curl/curl.h>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::curl {

/// Loads libcurl once for the process; every factory calls it first. Thread-safe.
void load();

/// Whether the URL's host is localhost, 127.0.0.0/8 or [::1].
[[nodiscard]] bool is_loopback(const std::string& url);

/// A new easy handle for `url` with everything set that all HTTP calls have in common: http and
/// https only, certificates checked, no redirects, HTTP/1.1, no signals, no proxy for a loopback
/// address. Null when memory is short. The caller's to clean up.
[[nodiscard]] CURL* make_http_handle(const std::string& url,
                                     std::chrono::milliseconds connect_timeout);

/// The value, trimmed, of header `name` (lower case, with its colon), if `line` is that header.
[[nodiscard]] std::optional<std::string_view> header_value(std::string_view line,
                                                           std::string_view name);

} // namespace troupe::curl
