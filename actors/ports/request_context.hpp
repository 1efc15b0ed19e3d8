#pragma once

#include <chrono>
#include <string>

namespace troupe {

/// What the HTTP edge knows of a request beside its body.
struct request_context {
  std::string credential;  ///< the bearer token or API key, empty when none was sent
  std::string request_id;  ///< answered as `x-request-id`
  std::string traceparent; ///< W3C trace context, may be empty
  std::chrono::steady_clock::time_point deadline; ///< the answer is worthless after it
  /// Who asks: an IP address in the text of messages/base/ip_address.hpp, behind trusted proxies
  /// the one that they name
  std::string client_address = {};
};

} // namespace troupe
