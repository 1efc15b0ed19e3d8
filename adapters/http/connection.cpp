#include "adapters/http/connection.hpp"

#include "adapters/http/http_metrics.hpp"
#include "adapters/http/sse.hpp"
#include "adapters/http/target.hpp"
#include "adapters/http/worker.hpp"
#include "messages/base/ids.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace troupe::http {

namespace net = boost::asio;
namespace beast_http = boost::beast::http;

namespace {

constexpr std::size_t read_bytes = 4096;            // of a header: most requests fit
constexpr std::size_t read_bytes_body = 64u << 10;  // of a body
constexpr std::size_t ahead_bytes_max = 64u << 10;  // what a client may send ahead
constexpr std::size_t linger_bytes_max = 64u << 20; // what is thrown away after a refusal
constexpr std::size_t body_bytes_a_second = 64u << 10;
constexpr std::size_t spare_bytes_kept = 64u << 10; // of a buffer between requests

// Whether the other side has ended the connection, behind whatever it sent and nobody has read.
bool ended_behind(int fd) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_CLOSE;
}

bool sane_request_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= 128 &&
         std::ranges::all_of(id, [](char c) { return c > 0x20 && c < 0x7f; });
}

} // namespace

connection::connection(arrival client, worker& home, std::shared_ptr<mailbox> mail,
                       edge_state& edge)
    : stream_(std::move(client.stream)),
      peer_(client.peer),
      peer_text_(to_string(peer_)),
      place_(std::move(client.place)),
      home_(home),
      mail_(std::move(mail)),
      edge_(edge) {
  ++edge_.open;
  open_connections().add(1);
}

connection::~connection() {
  --edge_.open;
  open_connections().add(-1);
  if (counted_) --edge_.running;
}

void connection::start() {
  boost::system::error_code ignored;
  stream_.socket().set_option(net::ip::tcp::no_delay(true), ignored);
  stream_.socket().non_blocking(true, ignored);
  if (edge_.draining) return close();
  if (!stream_.is_secure()) return await_request();
  phase_ = phase::greeting;
  deadline_ = clock::now() + edge_.config.header_timeout;
  stream_.async_greet([self = shared_from_this()](client_stream::greeting how) {
    if (self->phase_ != phase::closed) self->on_greeted(how);
  });
}

void connection::await_request() {
  phase_ = phase::idle;
  deadline_ = clock::now() + edge_.config.idle_timeout;
  read_more();
}

void connection::on_greeted(client_stream::greeting how) {
  if (how == client_stream::greeting::ready) return await_request();
  failed_handshakes().add();
  if (how == client_stream::greeting::failed) return close();
  begin_request(); // the rest of it is thrown away, unread
  begin_refusal();
  keep_alive_ = false;
  auto why = make_error(errc::invalid_argument, "this port speaks HTTPS: use https:// in the URL");
  why.reason = "https_required";
  refuse(std::move(why));
}

void connection::close() {
  if (phase_ == phase::closed) return;
  const auto self = shared_from_this();
  if (events_begun_) open_streams().add(-1);
  events_begun_ = false;
  phase_ = phase::closed;
  if (const auto dropped = std::exchange(current_, nullptr)) dropped->abandon();
  if (std::exchange(counted_, false)) --edge_.running;
  let_go();
  turn_ = {};
  stream_.close();
  home_.forget(self);
}

void connection::drain() {
  keep_alive_ = false;
  if (phase_ == phase::greeting || phase_ == phase::idle || phase_ == phase::header) close();
}

void connection::read_more() {
  if (reading_ || phase_ == phase::closed) return;
  if (phase_ != phase::lingering && in_.size() - in_at_ >= ahead_bytes_max) return;
  reading_ = true;
  const bool bulky = phase_ == phase::body || phase_ == phase::lingering;
  chunk_.resize(bulky ? read_bytes_body : read_bytes);
  stream_.async_read_some(net::buffer(chunk_),
                          [self = shared_from_this()](boost::system::error_code ec, std::size_t n) {
                            self->on_read(ec, n);
                          });
}

void connection::on_read(boost::system::error_code ec, std::size_t n) {
  reading_ = false;
  if (phase_ == phase::closed) return;
  if (ec) return on_gone(ec != net::error::eof);
  if (phase_ == phase::lingering) {
    lingered_ += n;
    if (lingered_ > linger_bytes_max) return close();
    return read_more();
  }
  in_.append(chunk_, 0, n);
  if (phase_ == phase::body) received_ += n;
  parse();
  read_more();
}

// A client that ends its half of the connection is taken as gone: nobody reads the answer, or
// nobody can tell.
void connection::on_gone(bool reset) {
  if (phase_ == phase::responding && !reset) {
    keep_alive_ = false; // the answer is on its way: let it arrive
    in_.clear();
    in_at_ = 0;
    return;
  }
  if (phase_ == phase::running) hang_ups().add();
  close();
}

void connection::parse() {
  bool more = true;
  while (more && phase_ != phase::closed) {
    if (in_at_ == in_.size()) break;
    switch (phase_) {
      case phase::idle:
        begin_request();
        break;
      case phase::header:
        more = parse_header();
        break;
      case phase::body:
        more = parse_body();
        break;
      default:
        more = false;
    }
  }
  if (in_at_ == in_.size()) {
    in_.clear();
    in_at_ = 0;
  } else if (in_at_ >= read_bytes) {
    in_.erase(0, in_at_);
    in_at_ = 0;
  }
}

void connection::begin_request() {
  phase_ = phase::header;
  deadline_ = clock::now() + edge_.config.header_timeout;
  parser_.emplace();
  parser_->header_limit(limits::header_bytes);
  parser_->body_limit(edge_.config.body_bytes);
  parser_->eager(false);
  early_.reset();
  early_extra_.clear();
  preflight_ = false;
  cors_ = edge_.cors.lines_for({});
  path_.clear();
  route_ = nullptr;
  received_ = 0;
  status_ = 0;
  head_ = http_1_0_ = continue_wanted_ = false;
  keep_alive_ = !edge_.leaving;
}

bool connection::has_room(std::size_t bytes) const {
  return bytes <= limits::light_body_bytes || edge_.held + bytes <= edge_.config.held_bytes;
}

bool connection::hold(std::size_t bytes) {
  if (bytes <= limits::light_body_bytes || bytes <= held_) return true;
  const auto more = bytes - held_;
  if (edge_.held.fetch_add(more) + more > edge_.config.held_bytes) {
    edge_.held -= more;
    return false;
  }
  held_ = bytes;
  return true;
}

error connection::too_much_held() {
  return not_begun(make_error(errc::overloaded, "too many large requests are being worked on"));
}

void connection::let_go() {
  edge_.held -= std::exchange(held_, 0);
}

bool connection::parse_header() {
  boost::system::error_code ec;
  in_at_ += parser_->put(net::const_buffer(in_.data() + in_at_, in_.size() - in_at_), ec);
  if (ec == beast_http::error::need_more) return false;
  if (ec) {
    refuse_header(ec);
    return false;
  }
  if (!parser_->is_header_done()) return true;
  on_header();
  if (phase_ == phase::body && parser_->is_done()) {
    dispatch();
    return false;
  }
  return phase_ == phase::body;
}

bool connection::parse_body() {
  boost::system::error_code ec;
  const auto used = parser_->put(net::const_buffer(in_.data() + in_at_, in_.size() - in_at_), ec);
  in_at_ += used;
  if (ec && ec != beast_http::error::need_more) {
    const bool large = ec == beast_http::error::body_limit;
    keep_alive_ = false;
    if (large)
      refuse(make_error(errc::too_large, "the request body is larger than " +
                                             std::to_string(edge_.config.body_bytes) + " bytes"));
    else
      refuse(make_error(errc::invalid_argument, "the request body is malformed: " + ec.message()));
    return false;
  }
  if (!hold(parser_->get().body().size())) {
    keep_alive_ = false;
    refuse(too_much_held());
    return false;
  }
  if (parser_->is_done()) {
    dispatch();
    return false;
  }
  if (used == 0 && in_.size() - in_at_ >= ahead_bytes_max) { // an endless chunk header
    keep_alive_ = false;
    refuse(make_error(errc::invalid_argument, "the request body is malformed"));
  }
  return used != 0 && ec != beast_http::error::need_more;
}

void connection::on_header() {
  const auto& head = parser_->get();
  phase_ = phase::body;
  deadline_ = clock::now() + edge_.config.body_timeout;
  parser_->eager(true);
  counted_ = true;
  ++edge_.running;
  current_ = std::make_shared<exchange>(mail_, weak_from_this());
  current_->started = clock::now();
  const auto id = head["x-request-id"];
  current_->request_id =
      sane_request_id({id.data(), id.size()}) ? std::string(id) : make_id("req_");
  head_ = head.method() == beast_http::verb::head;
  http_1_0_ = head.version() < 11;
  keep_alive_ = head.keep_alive() && !edge_.leaving;
  if (edge_.cors.is_on()) {
    const auto origin = head[beast_http::field::origin];
    cors_ = edge_.cors.lines_for({origin.data(), origin.size()});
  }
  const auto target = head.target();
  const auto method = head.method_string();
  auto match =
      edge_.table.find({method.data(), method.size()}, path_of({target.data(), target.size()}));
  admit(std::move(match));
}

// Something must be answered, though there is no request that could be read.
void connection::begin_refusal() {
  current_ = std::make_shared<exchange>(mail_, weak_from_this());
  current_->started = clock::now();
  current_->request_id = make_id("req_");
  counted_ = true;
  ++edge_.running;
}

void connection::refuse_header(boost::system::error_code ec) {
  begin_refusal();
  keep_alive_ = false;
  if (ec == beast_http::error::header_limit) {
    auto why = make_error(errc::too_large, "the request header is too large");
    why.status = 431;
    return refuse(std::move(why));
  }
  if (ec == beast_http::error::body_limit)
    return refuse(make_error(
        errc::too_large,
        "the request body is larger than " + std::to_string(edge_.config.body_bytes) + " bytes"));
  refuse(make_error(errc::invalid_argument, "the request is no valid HTTP: " + ec.message()));
}

void connection::on_sweep(clock::time_point now) {
  switch (phase_) {
    case phase::closed:
      return;
    case phase::idle:
      if (in_.capacity() > spare_bytes_kept) in_.shrink_to_fit();
      if (out_.capacity() > spare_bytes_kept) out_.shrink_to_fit();
      [[fallthrough]];
    case phase::greeting:
    case phase::lingering:
      if (now >= deadline_) close();
      return;
    case phase::header:
    case phase::body:
      return late(now);
    case phase::running:
    case phase::responding:
      break;
  }
  // With too much sent ahead no read is pending that would tell.
  if (phase_ == phase::running && !reading_ && ended_behind(stream_.socket().native_handle()))
    return on_gone(true);
  if (writing_) {
    if (now >= deadline_) on_gone(true);
    return;
  }
  const auto kind = current_ ? current_->kind() : stream_kind::none;
  if (kind != stream_kind::openai && kind != stream_kind::events) return;
  if (!events_begun_ || now - last_event_ < edge_.config.sse_heartbeat) return;
  events_ += sse_comment;
  write_events();
}

// A request that does not get finished: an honest answer and the end of the connection.
void connection::late(clock::time_point now) {
  const auto more = phase_ == phase::body ? std::chrono::seconds(received_ / body_bytes_a_second)
                                          : std::chrono::seconds(0);
  if (now < deadline_ + more) return;
  auto why = make_error(errc::deadline_exceeded, "the request did not arrive in time");
  why.status = 408;
  keep_alive_ = false;
  if (!current_) begin_refusal();
  refuse(std::move(why));
}

} // namespace troupe::http
