#pragma once

#include "adapters/http/cors.hpp"
#include "adapters/http/http_edge.hpp"
#include "adapters/http/peer_counts.hpp"
#include "adapters/http/route_table.hpp"

#include <atomic>

namespace troupe::http {

/// What all threads of one edge share. Constant but for the atomics.
struct edge_state {
  edge_state(http_config c, const http_gates& g);

  const http_config config;
  const http_gates gates;
  const route_table table;
  const std::string openapi; ///< the document, made once
  const cors_policy cors;
  const std::vector<ip_range> trusted_proxies;
  const std::string common_lines; ///< header lines of every answer
  peer_counts peers;

  std::atomic<bool> ready = false;
  std::atomic<bool> leaving = false;     ///< responses close their connection
  std::atomic<bool> draining = false;    ///< and no connection is taken any more
  std::atomic<std::int64_t> running = 0; ///< requests from their header to the end of the answer
  std::atomic<std::int64_t> open = 0;    ///< connections
  std::atomic<std::size_t> held = 0;     ///< bytes of large bodies
};

} // namespace troupe::http
