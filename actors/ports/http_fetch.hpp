#pragma once

#include "messages/base/limits.hpp"
#include "messages/base/reply.hpp"
#include "messages/base/values.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

enum class fetch_method : std::uint8_t { get, post };

/// One small request to a server that the operator named: keys (JWKS), discovery, token exchange.
struct fetch_request {
  using pairs = std::vector<std::pair<std::string, std::string>>;

  fetch_method method = fetch_method::get;
  /// http:// or https://, without user and password. Never one that a client of ours made up:
  /// private addresses are not kept out.
  std::string url;
  pairs headers;    ///< name and value, e.g. {"Accept", "application/json"}
  std::string user; ///< with the password Basic authorization (RFC 7617); empty: none
  secret password;
  pairs form;       ///< POST: sent as application/x-www-form-urlencoded; goes with no body
  std::string body; ///< POST: sent as it is; the headers name its Content-Type
  std::chrono::milliseconds timeout{10'000}; ///< for the whole exchange, 1 ms to 5 min
  std::size_t answer_bytes_max = limits::fetch_answer_bytes; ///< at most that
};

struct fetch_reply {
  int status = 0;            ///< any final one: 404 and 302 are answers too
  std::string content_type;  ///< as sent; empty: none
  std::string cache_control; ///< as sent; empty: none
  std::string body;
};

/// Asks other servers over HTTP. Certificates are checked, redirects are not followed (the reply
/// has their status), nothing is sent twice but a GET when a kept connection turned out closed.
/// Any thread; replies come on the adapter's loop and may work there for a moment. Errors:
/// `invalid_argument` (the request breaks what is said above; its form or body is larger than
/// limits::fetch_body_bytes), `overloaded` (limits::fetches run), `unavailable` (not reached),
/// `deadline_exceeded`, `upstream_failed` (no trusted TLS, broke off, answer too large),
/// `cancelled` (the adapter ends).
class http_fetch {
public:
  virtual ~http_fetch() = default;
  virtual void fetch(fetch_request request, reply<fetch_reply> answer) = 0;
};

} // namespace troupe
