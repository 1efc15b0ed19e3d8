#pragma once

#include "adapters/http/tls_session.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::http {

/// A client's socket, plain or under TLS, non-blocking. Plain calls go straight to the socket. On
/// one thread, one read and one write at a time; a handler must keep the stream alive.
class client_stream {
public:
  using error_code = boost::system::error_code;
  using on_transfer = std::move_only_function<void(error_code, std::size_t)>;

  enum class greeting : std::uint8_t {
    ready, ///< TLS is on
    plain, ///< the client speaks HTTP without it: the stream is plain now
    failed,
  };

  /// Plain with a null session.
  client_stream(boost::asio::ip::tcp::socket socket, std::unique_ptr<tls_session> tls)
      : socket_(std::move(socket)), tls_(std::move(tls)) {}

  [[nodiscard]] bool is_secure() const noexcept { return tls_ != nullptr; }
  [[nodiscard]] boost::asio::ip::tcp::socket& socket() noexcept { return socket_; }

  /// The TLS handshake, before anything else. It has no time-out of its own: close() ends it.
  void async_greet(std::move_only_function<void(greeting)> then);

  /// The end of the client's half is net::error::eof, under TLS with or without its goodbye.
  template <class Handler>
  void async_read_some(boost::asio::mutable_buffer to, Handler then) {
    if (!tls_) return socket_.async_read_some(to, std::move(then));
    read_tls(to, std::move(then));
  }

  /// What the socket takes at once, as plaintext bytes. Under TLS that may be fewer than were made
  /// ciphertext; then this is would_block, and the next write must begin with the same bytes.
  std::size_t write_some(boost::asio::const_buffer from, error_code& ec) {
    if (!tls_) return socket_.write_some(from, ec);
    return write_tls(from, ec);
  }

  template <class Handler>
  void async_write_some(boost::asio::const_buffer from, Handler then) {
    if (!tls_) return socket_.async_write_some(from, std::move(then));
    async_write_tls(from, std::move(then));
  }

  /// A few bytes while nothing else is being written: they fit the socket's buffer.
  void interject(std::string_view bytes);

  void end_sending(); ///< under TLS with a goodbye
  void close();       ///< what is pending ends with operation_aborted

private:
  void greet_on(std::move_only_function<void(greeting)> then);
  void read_greeting(std::move_only_function<void(greeting)> then);
  void read_tls(boost::asio::mutable_buffer to, on_transfer then);
  void read_on(boost::asio::mutable_buffer to, on_transfer then);
  std::size_t write_tls(boost::asio::const_buffer from, error_code& ec);
  void async_write_tls(boost::asio::const_buffer from, on_transfer then);
  void write_on(on_transfer then);
  error_code encrypt(boost::asio::const_buffer from);
  error_code send_wire();

  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<tls_session> tls_;
  std::string cipher_; // what a pending read brings
  std::string wire_;   // ciphertext on its way out, from wire_at_ on
  std::size_t wire_at_ = 0;
  std::size_t accepted_ = 0;  // bytes of plaintext in it that nobody was told of
  bool wire_pending_ = false; // an asynchronous write uses wire_
};

} // namespace troupe::http
