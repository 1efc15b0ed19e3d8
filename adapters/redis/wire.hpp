#pragma once

#include "adapters/redis/redis_url.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>

namespace troupe::redis {

/// A TCP connection to a server, plain or TLS. On the loop's thread; at most one read and one write
/// at a time. It must outlive what is under way, which ends with an error when the socket closes.
class wire {
public:
  using handler = std::move_only_function<void(boost::system::error_code, std::size_t)>;

  virtual ~wire() = default;
  [[nodiscard]] virtual boost::asio::ip::tcp::socket& socket() = 0;
  /// After the socket is connected; plain: at once, before it returns.
  virtual void handshake(std::move_only_function<void(boost::system::error_code)> done) = 0;
  virtual void read_some(boost::asio::mutable_buffer into, handler done) = 0;
  virtual void write(boost::asio::const_buffer from, handler done) = 0;
};

using tls_context = std::shared_ptr<boost::asio::ssl::context>;

/// For rediss://: TLS 1.2 or newer, the peer's certificate verified against the system's
/// authorities or `ca_file`. Null for redis://. Errors: `invalid_argument` for an unreadable file.
[[nodiscard]] result<tls_context> make_tls_context(const server& from);

/// `tls` null: plain. Otherwise the peer must show a certificate for `host`.
[[nodiscard]] std::unique_ptr<wire> make_wire(boost::asio::io_context& loop, const tls_context& tls,
                                              const std::string& host);

} // namespace troupe::redis
