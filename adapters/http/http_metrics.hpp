#pragma once

#include "messages/base/metrics.hpp"

/// What the edge counts: process-wide, thread-safe.
namespace troupe::http {

/// One answered request: `troupe_http_requests_total{code}` and its latency.
void count_request(unsigned status, double seconds) noexcept;

[[nodiscard]] metrics::metric& open_connections() noexcept;
[[nodiscard]] metrics::metric& open_streams() noexcept;
/// Connections that were one too many.
[[nodiscard]] metrics::metric& turned_away() noexcept;
/// TLS handshakes that came to nothing.
[[nodiscard]] metrics::metric& failed_handshakes() noexcept;
/// Clients that went away before their answer was complete.
[[nodiscard]] metrics::metric& hang_ups() noexcept;

} // namespace troupe::http
