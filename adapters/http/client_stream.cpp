#include "adapters/http/client_stream.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>

namespace troupe::http {

namespace net = boost::asio;

namespace {

constexpr std::size_t greeting_bytes = 4096;       // read at a time during a handshake
constexpr std::size_t record_overhead = 512;       // beside the plaintext of a record; generous
constexpr std::size_t piece_bytes = 64u << 10;     // made ciphertext at a time
constexpr std::size_t spare_bytes_kept = 8u << 10; // of a buffer between writes
constexpr std::size_t owed_bytes_max = 16u << 10;  // TLS's own answers to a client that reads none
constexpr char handshake_record = 0x16;            // RFC 8446, section 5.1

boost::system::error_code code_of(tls_session::outcome what) {
  if (what == tls_session::outcome::ended) return net::error::eof;
  if (what == tls_session::outcome::broken) return net::error::connection_reset;
  return {};
}

} // namespace

void client_stream::async_greet(std::move_only_function<void(greeting)> then) {
  read_greeting(std::move(then));
}

void client_stream::read_greeting(std::move_only_function<void(greeting)> then) {
  const bool is_first = cipher_.empty();
  cipher_.resize(greeting_bytes);
  socket_.async_read_some(net::buffer(cipher_), [this, is_first, then = std::move(then)](
                                                    error_code ec, std::size_t n) mutable {
    if (ec) return then(greeting::failed);
    if (is_first && cipher_[0] != handshake_record) {
      tls_.reset();
      return then(cipher_[0] >= 'A' && cipher_[0] <= 'Z' ? greeting::plain : greeting::failed);
    }
    tls_->feed({cipher_.data(), n});
    greet_on(std::move(then));
  });
}

// One flight may be larger than a fresh socket's buffer, so that it is written asynchronously; an
// alert goes out as well.
void client_stream::greet_on(std::move_only_function<void(greeting)> then) {
  const auto state = tls_->handshake();
  tls_->take_output(wire_);
  wire_pending_ = true;
  auto next = [this, state, then = std::move(then)](error_code ec, std::size_t) mutable {
    wire_pending_ = false;
    wire_.clear();
    if (ec || code_of(state)) return then(greeting::failed);
    if (state == tls_session::outcome::done) return then(greeting::ready);
    read_greeting(std::move(then));
  };
  net::async_write(socket_, net::buffer(wire_), std::move(next));
}

void client_stream::read_tls(net::mutable_buffer to, on_transfer then) {
  std::size_t size = 0;
  const auto state = tls_->read({static_cast<char*>(to.data()), to.size()}, size);
  if (state == tls_session::outcome::wants_input) return read_on(to, std::move(then));
  // What came in one record with bytes that were read before: no chain of calls may grow from it.
  net::post(socket_.get_executor(),
            [ec = code_of(state), size, then = std::move(then)]() mutable { then(ec, size); });
}

void client_stream::read_on(net::mutable_buffer to, on_transfer then) {
  const auto room = to.size() + record_overhead;
  const bool is_smaller = room < cipher_.size();
  cipher_.resize(room);
  if (is_smaller) cipher_.shrink_to_fit(); // it waits for the next request, maybe for long
  socket_.async_read_some(net::buffer(cipher_), [this, to, then = std::move(then)](
                                                    error_code ec, std::size_t n) mutable {
    if (ec) return then(ec, 0);
    tls_->feed({cipher_.data(), n});
    std::size_t size = 0;
    const auto state = tls_->read({static_cast<char*>(to.data()), to.size()}, size);
    // An alert or a key update: now, or with the write that is under way or the next one.
    if (!wire_pending_) send_wire();
    const auto owed = tls_->output_size() + (wire_pending_ ? 0 : wire_.size() - wire_at_);
    if (owed > owed_bytes_max) return then(net::error::no_buffer_space, 0);
    if (state == tls_session::outcome::wants_input) return read_on(to, std::move(then));
    then(code_of(state), size);
  });
}

boost::system::error_code client_stream::encrypt(net::const_buffer from) {
  if (accepted_ != 0) return {}; // the beginning of `from` is under way already
  const auto size = std::min(from.size(), piece_bytes);
  const auto state = tls_->write({static_cast<const char*>(from.data()), size});
  if (state != tls_session::outcome::done) return net::error::connection_reset;
  accepted_ = size;
  tls_->take_output(wire_);
  return {};
}

// As much as the socket takes at once; would_block when that is not all.
boost::system::error_code client_stream::send_wire() {
  error_code ec;
  tls_->take_output(wire_);
  while (!ec && wire_at_ < wire_.size())
    wire_at_ +=
        socket_.write_some(net::buffer(wire_.data() + wire_at_, wire_.size() - wire_at_), ec);
  if (!ec) {
    wire_.clear();
    if (wire_.capacity() > spare_bytes_kept) wire_.shrink_to_fit();
    wire_at_ = 0;
  }
  return ec;
}

std::size_t client_stream::write_tls(net::const_buffer from, error_code& ec) {
  ec = encrypt(from);
  if (!ec) ec = send_wire();
  return ec ? 0 : std::exchange(accepted_, 0);
}

void client_stream::async_write_tls(net::const_buffer from, on_transfer then) {
  if (const auto ec = encrypt(from)) {
    return net::post(socket_.get_executor(),
                     [ec, then = std::move(then)]() mutable { then(ec, 0); });
  }
  write_on(std::move(then));
}

void client_stream::write_on(on_transfer then) {
  wire_pending_ = true;
  socket_.async_write_some(
      net::buffer(wire_.data() + wire_at_, wire_.size() - wire_at_),
      [this, then = std::move(then)](error_code ec, std::size_t n) mutable {
        wire_pending_ = false;
        if (ec) return then(ec, 0);
        wire_at_ += n;
        if (send_wire()) return write_on(std::move(then)); // would_block, or an error that it finds
        then({}, std::exchange(accepted_, 0));
      });
}

void client_stream::interject(std::string_view bytes) {
  error_code ignored;
  if (!tls_) {
    socket_.write_some(net::buffer(bytes), ignored);
    return;
  }
  if (encrypt(net::buffer(bytes))) return;
  accepted_ = 0;
  send_wire();
}

void client_stream::end_sending() {
  error_code ignored;
  if (tls_) {
    tls_->end();
    if (!wire_pending_) send_wire();
  }
  socket_.shutdown(net::ip::tcp::socket::shutdown_send, ignored);
}

void client_stream::close() {
  error_code ignored;
  if (tls_ && socket_.is_open() && !wire_pending_) {
    tls_->end();
    send_wire();
  }
  socket_.close(ignored);
}

} // namespace troupe::http
