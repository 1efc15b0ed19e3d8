#pragma once

#include "actors/ports/http_fetch.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace troupe {

struct http_fetch_config {
  std::chrono::milliseconds connect_timeout{5'000}; ///< within a request's own time-out
  std::string ca_file; ///< PEM: the only authorities to trust; empty: the system's
  /// On whose thread all of it runs; it runs already and outlives the adapter. Null: its own.
  boost::asio::io_context* loop = nullptr;
};

/// Destroying it ends what is running with `cancelled`; not from a reply.
[[nodiscard]] std::unique_ptr<http_fetch> make_http_fetch(http_fetch_config config = {});

} // namespace troupe
