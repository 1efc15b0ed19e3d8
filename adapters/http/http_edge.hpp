#pragma once

#include "actors/ports/gates.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// The HTTP edge: HTTP/1.1 on loopback or elsewhere, in front of the gates.
namespace boost::asio {
class io_context;
}

namespace troupe {

struct http_config {
  std::string address = "127.0.0.1"; ///< an IPv4 or IPv6 address without brackets
  std::uint16_t port = 8000;         ///< 0: any free one, see http_edge::port()
  unsigned threads = 1;              ///< I/O threads, 1 to 64
  std::size_t body_bytes = limits::body_bytes;
  /// Of bodies above limits::light_body_bytes, as they come, until their answer has gone; past it a
  /// request gets 503.
  std::size_t held_bytes = 256u << 20;
  std::chrono::milliseconds header_timeout{
      10'000}; ///< from a request's first byte to its header's end
  std::chrono::milliseconds body_timeout{
      60'000}; ///< for a body, and 1 s more for each 64 KiB of it
  std::chrono::milliseconds idle_timeout{75'000};  ///< between two requests
  std::chrono::milliseconds write_timeout{60'000}; ///< without progress of a response
  std::chrono::milliseconds linger_timeout{2'000}; ///< reading on after a refused body
  std::chrono::milliseconds sse_heartbeat = limits::sse_heartbeat;
  std::chrono::milliseconds sweep{250}; ///< how often the times above are looked at
  unsigned connections_max = 10'000;    ///< past it a new connection gets 503
  /// The same for one address (IPv6: for its /64), with 429; 0: no bound. Trusted proxies have
  /// none. Under TLS a connection past either bound is closed without an answer.
  unsigned connections_per_address = 0;
  /// Of one caller, that each thread works on at a time; 1,000 more wait, past them 429. A caller
  /// is a credential, or a client's address without one. Not for routes that wait for a model.
  unsigned requests_per_caller = 128;
  std::vector<std::string> trusted_proxies; ///< addresses and ranges (10.0.0.0/8), whose
                                            ///< X-Forwarded-For or Forwarded names the client
  std::vector<std::string> cors_origins;    ///< whose pages may read answers; `*`: all; empty: none
  std::string tls_certificate;              ///< PEM file of the chain; empty: no TLS
  std::string tls_key;                      ///< PEM file of its key; with a certificate only
  std::chrono::milliseconds tls_look{1'000}; ///< how often the files are looked at
  std::string version = "0.1.0";             ///< shown by /health and /openapi.json
  /// Whose thread is the first I/O thread; it runs already and outlives the edge. Null: its own.
  boost::asio::io_context* loop = nullptr;
};

/// Whom the routes ask. They must outlive the edge. With a null gate its routes are 404, so a node
/// without the role edge passes `health` alone.
struct http_gates {
  account_gate* accounts = nullptr;
  chat_gate* chats = nullptr;
  document_gate* documents = nullptr;
  log_gate* logs = nullptr;
  cluster_gate* cluster = nullptr;
  health_gate* health = nullptr;
};

/// A listening edge. All calls are thread-safe; none may come from a gate's
/// callback on one of the edge's own threads.
class http_edge {
public:
  virtual ~http_edge() = default; ///< stops

  [[nodiscard]] virtual std::uint16_t port() const = 0;

  /// /ready answers 503 while false, which it is at first.
  virtual void set_ready(bool ready) = 0;

  /// Not ready any more, for good: answers end their connections, new ones are still taken. For the
  /// time that whoever sends requests needs to notice.
  virtual void begin_leaving() = 0;

  /// Closes the listener and all idle connections at once; the others close after their response.
  virtual void stop_accepting() = 0;

  /// No request is being read, worked on or answered.
  [[nodiscard]] virtual bool idle() const = 0;

  /// Running requests are cancelled and end with `why`: as an error answer, or as an error event
  /// where a stream has begun. Then their connections close. Returns at once.
  virtual void end_streams(error why) = 0;

  /// Closes everything and ends the threads. Answers that come later are dropped.
  virtual void stop() = 0;
};

/// Listens and starts the threads. Errors: `invalid_argument` for a bad address, a bad proxy or a
/// certificate and key that cannot be used (the message names the file), `conflict` for an address
/// in use, `unavailable` for anything else the system refuses; the message has address:port.
[[nodiscard]] result<std::unique_ptr<http_edge>> make_http_edge(http_config config,
                                                                http_gates gates);

} // namespace troupe
