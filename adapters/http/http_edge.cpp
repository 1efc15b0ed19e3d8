#include "adapters/http/http_edge.hpp"

#include "adapters/http/client_address.hpp"
#include "adapters/http/edge_state.hpp"
#include "adapters/http/error_to_status.hpp"
#include "adapters/http/http_metrics.hpp"
#include "adapters/http/openapi.hpp"
#include "adapters/http/response_head.hpp"
#include "adapters/http/tls_identity.hpp"
#include "adapters/http/worker.hpp"
#include "messages/base/log.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <future>

namespace troupe {
namespace http {
namespace {

// What every answer says; that the host speaks HTTPS only is said where it does.
std::string lines_of_every_answer(const http_config& config) {
  std::string out = "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n";
  if (!config.tls_certificate.empty()) out += "Strict-Transport-Security: max-age=31536000\r\n";
  return out;
}

std::vector<ip_range> ranges_of(const std::vector<std::string>& texts) {
  std::vector<ip_range> out;
  for (const auto& text : texts)
    if (const auto range = parse_ip_range(text)) out.push_back(*range);
  return out;
}

} // namespace

edge_state::edge_state(http_config c, const http_gates& g)
    : config(std::move(c)),
      gates(g),
      table(gates),
      openapi(openapi_document(table.routes(), config.version)),
      cors(config.cors_origins),
      trusted_proxies(ranges_of(config.trusted_proxies)),
      common_lines(lines_of_every_answer(config)),
      peers(config.connections_per_address) {}

namespace {

namespace net = boost::asio;
using net::ip::tcp;

constexpr std::chrono::milliseconds accept_pause{100}; // when the system has no more descriptors

// What a client gets that is one too many.
std::string too_many(errc code, std::string_view common_lines) {
  const bool all = code == errc::overloaded;
  auto why =
      make_error(code, all ? "too many connections" : "too many connections from your address");
  why.reason = "too_many_connections";
  const auto body = error_body(why);
  std::string out;
  append_head(out, {.status = status_of(why),
                    .content_type = "application/json",
                    .request_id = {},
                    .common = common_lines,
                    .extra = {},
                    .content_length = body.size(),
                    .retry_after_ms = retry_after_ms(why),
                    .keep_alive = false});
  return out + body;
}

ip_address address_of(const tcp::endpoint& peer) {
  const auto given = peer.address();
  const auto v6 =
      given.is_v6() ? given.to_v6() : net::ip::make_address_v6(net::ip::v4_mapped, given.to_v4());
  ip_address out;
  std::ranges::copy(v6.to_bytes(), out.bytes.begin());
  return out;
}

std::string place_of(const http_config& config) {
  const bool v6 = config.address.find(':') != std::string::npos;
  return (v6 ? "[" + config.address + "]" : config.address) + ":" + std::to_string(config.port);
}

class edge final : public http_edge {
public:
  edge(http_config config, const http_gates& gates) : state_(std::move(config), gates) {
    const auto threads = std::clamp(state_.config.threads, 1u, 64u);
    for (unsigned i = 0; i < threads; ++i)
      workers_.push_back(std::make_unique<worker>(state_, i == 0 ? state_.config.loop : nullptr));
    acceptor_.emplace(workers_[0]->context());
    pause_.emplace(workers_[0]->context());
    next_look_.emplace(workers_[0]->context());
  }
  ~edge() override { stop(); }

  result<void> open() {
    if (!state_.config.tls_certificate.empty() || !state_.config.tls_key.empty()) {
      auto loaded = tls_identity::load(state_.config.tls_certificate, state_.config.tls_key);
      if (!loaded) return std::unexpected(std::move(loaded.error()));
      identity_.emplace(std::move(*loaded));
    }
    return listen();
  }

  std::uint16_t port() const override { return port_; }
  void set_ready(bool ready) override { state_.ready = ready; }
  bool idle() const override { return state_.running == 0; }

  void begin_leaving() override {
    state_.ready = false;
    state_.leaving = true;
  }

  void stop_accepting() override {
    const std::lock_guard lock(stopping_);
    if (stopped_) return;
    begin_leaving();
    state_.draining = true;
    close_listener();
    for (auto& w : workers_) w->drain();
  }

  void end_streams(error why) override {
    for (auto& w : workers_) w->end_running(why);
  }

  void stop() override {
    const std::lock_guard lock(stopping_);
    if (stopped_) return;
    stopped_ = true;
    begin_leaving();
    state_.draining = true;
    if (port_ != 0) close_listener();
    // Workers after the first hold no work of the acceptor; the first ends last.
    for (auto w = workers_.rbegin(); w != workers_.rend(); ++w) (*w)->stop();
  }

private:
  result<void> listen() {
    boost::system::error_code ec;
    const auto address = net::ip::make_address(state_.config.address, ec);
    if (ec)
      return fail(errc::invalid_argument, place_of(state_.config) + " is no address to listen on");
    const tcp::endpoint endpoint(address, state_.config.port);
    acceptor_->open(endpoint.protocol(), ec);
    if (!ec) acceptor_->set_option(net::socket_base::reuse_address(true), ec);
    if (!ec) acceptor_->bind(endpoint, ec);
    if (!ec) acceptor_->listen(4096, ec);
    if (ec) {
      const bool used = ec == net::error::address_in_use;
      return fail(used ? errc::conflict : errc::unavailable,
                  "cannot listen on " + place_of(state_.config) + ": " + ec.message());
    }
    port_ = acceptor_->local_endpoint(ec).port();
    accept();
    if (identity_) look_at_files();
    for (auto& w : workers_) w->start();
    return {};
  }

  // Waits for the listener's thread, so that nobody connects once the call has returned.
  void close_listener() {
    std::promise<void> closed;
    net::post(workers_[0]->context(), [this, &closed] {
      boost::system::error_code ignored;
      acceptor_->close(ignored);
      pause_->cancel();
      next_look_->cancel();
      closed.set_value();
    });
    closed.get_future().wait();
  }

  void accept() {
    auto& to = *workers_[turn_++ % workers_.size()];
    acceptor_->async_accept(to.context(), peer_,
                            [this, &to](boost::system::error_code ec, tcp::socket socket) {
                              if (!acceptor_->is_open()) return;
                              if (ec) {
                                log::warn("http.accept_failed", {{"reason", ec.message()}});
                                return accept_later();
                              }
                              welcome(to, std::move(socket));
                              accept();
                            });
  }

  void welcome(worker& to, tcp::socket socket) {
    if (state_.open >= state_.config.connections_max) return turn_away(socket, errc::overloaded);
    const auto peer = address_of(peer_);
    auto place = place_for(peer);
    if (!place) return turn_away(socket, errc::rate_limited);
    to.adopt({client_stream(std::move(socket), identity_ ? identity_->make_session() : nullptr),
              peer, std::move(*place)});
  }

  void accept_later() {
    pause_->expires_after(accept_pause);
    pause_->async_wait([this](boost::system::error_code ec) {
      if (!ec && acceptor_->is_open()) accept();
    });
  }

  std::optional<peer_counts::place> place_for(const ip_address& peer) {
    if (is_trusted(peer, state_.trusted_proxies)) return peer_counts::place();
    return state_.peers.take(peer);
  }

  // Under TLS an answer would cost a handshake first, which is what there is too much of.
  void turn_away(tcp::socket& socket, errc why) {
    turned_away().add();
    if (identity_) return;
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(net::buffer(too_many(why, state_.common_lines)), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  void look_at_files() {
    next_look_->expires_after(state_.config.tls_look);
    next_look_->async_wait([this](boost::system::error_code ec) {
      if (ec || !acceptor_->is_open()) return;
      identity_->refresh();
      look_at_files();
    });
  }

  edge_state state_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::optional<tcp::acceptor> acceptor_;      // on the first worker's thread
  std::optional<net::steady_timer> pause_;     // the same
  std::optional<net::steady_timer> next_look_; // the same
  std::optional<tls_identity> identity_;       // the same; nothing: no TLS
  tcp::endpoint peer_;                         // the same; of the connection that comes in
  std::size_t turn_ = 0;
  std::uint16_t port_ = 0;
  std::mutex stopping_;
  bool stopped_ = false;
};

} // namespace
} // namespace http

result<std::unique_ptr<http_edge>> make_http_edge(http_config config, http_gates gates) {
  for (const auto& proxy : config.trusted_proxies)
    if (!parse_ip_range(proxy))
      return fail(errc::invalid_argument,
                  "http.trusted_proxies: " + proxy + " is no address and no range of addresses");
  auto made = std::make_unique<http::edge>(std::move(config), gates);
  if (auto opened = made->open(); !opened) return std::unexpected(std::move(opened.error()));
  return made;
}

} // namespace troupe
