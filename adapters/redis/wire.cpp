#include "adapters/redis/wire.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace troupe::redis {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using tcp = asio::ip::tcp;
using boost::system::error_code;

class plain_wire final : public wire {
public:
  explicit plain_wire(asio::io_context& loop) : socket_(loop) {}

  tcp::socket& socket() override { return socket_; }
  void handshake(std::move_only_function<void(error_code)> done) override { done({}); }
  void read_some(asio::mutable_buffer into, handler done) override {
    socket_.async_read_some(into, std::move(done));
  }
  void write(asio::const_buffer from, handler done) override {
    asio::async_write(socket_, from, std::move(done));
  }

private:
  tcp::socket socket_;
};

class tls_wire final : public wire {
public:
  tls_wire(asio::io_context& loop, tls_context context, const std::string& host)
      : context_(std::move(context)), stream_(loop, *context_) {
    stream_.set_verify_mode(ssl::verify_peer);
    stream_.set_verify_callback(ssl::host_name_verification(host));
    error_code no_address; // RFC 6066: only names are sent, no addresses
    asio::ip::make_address(host, no_address);
    if (no_address) SSL_set_tlsext_host_name(stream_.native_handle(), host.c_str());
  }

  tcp::socket& socket() override { return stream_.next_layer(); }
  void handshake(std::move_only_function<void(error_code)> done) override {
    stream_.async_handshake(ssl::stream_base::client, std::move(done));
  }
  void read_some(asio::mutable_buffer into, handler done) override {
    stream_.async_read_some(into, std::move(done));
  }
  void write(asio::const_buffer from, handler done) override {
    asio::async_write(stream_, from, std::move(done));
  }

private:
  tls_context context_;
  ssl::stream<tcp::socket> stream_;
};

} // namespace

result<tls_context> make_tls_context(const server& from) {
  if (!from.tls) return tls_context();
  auto out = std::make_shared<ssl::context>(ssl::context::tls_client);
  error_code failed;
  out->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                   ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  if (from.ca_file.empty())
    out->set_default_verify_paths(failed);
  else
    out->load_verify_file(from.ca_file, failed);
  if (failed)
    return fail(errc::invalid_argument, "no certificates can be read from " + from.ca_file,
                "redis.url");
  return out;
}

std::unique_ptr<wire> make_wire(asio::io_context& loop, const tls_context& tls,
                                const std::string& host) {
  if (!tls) return std::make_unique<plain_wire>(loop);
  return std::make_unique<tls_wire>(loop, tls, host);
}

} // namespace troupe::redis
