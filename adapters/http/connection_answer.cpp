#include "adapters/http/connection.hpp"
#include "adapters/http/error_to_status.hpp"
#include "adapters/http/http_metrics.hpp"
#include "adapters/http/response_head.hpp"
#include "adapters/http/sse.hpp"
#include "adapters/http/target.hpp"
#include "messages/base/log.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/field.hpp>

#include <algorithm>
#include <exception>

namespace troupe::http {

namespace net = boost::asio;
namespace beast_http = boost::beast::http;

namespace {

constexpr std::size_t body_kept_bytes = 64u << 10; // of a refused request, to keep its connection
constexpr std::size_t credential_bytes_max = 8192;

std::string_view view(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

bool starts_with_word(std::string_view text, std::string_view word) noexcept {
  return text.size() >= word.size() &&
         std::ranges::equal(text.substr(0, word.size()), word,
                            [](char a, char b) { return (a | 32) == b; });
}

std::string_view bearer_of(std::string_view authorization) noexcept {
  if (!starts_with_word(authorization, "bearer") || authorization.size() < 8 ||
      authorization[6] != ' ')
    return {};
  auto token = authorization.substr(7);
  while (token.starts_with(' ')) token.remove_prefix(1);
  return token.size() <= credential_bytes_max ? token : std::string_view();
}

// W3C trace context, version 00: ids of hex digits, not all zero.
bool valid_traceparent(std::string_view text) noexcept {
  if (text.size() != 55 || !text.starts_with("00-") || text[35] != '-' || text[52] != '-')
    return false;
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const auto trace = text.substr(3, 32), span = text.substr(36, 16);
  return std::ranges::all_of(trace, hex) && std::ranges::all_of(span, hex) &&
         std::ranges::all_of(text.substr(53), hex) &&
         trace.find_first_not_of('0') != std::string_view::npos &&
         span.find_first_not_of('0') != std::string_view::npos;
}

} // namespace

// From the header alone: is there such a route, may anybody ask, is the body wanted?
void connection::admit(route_match match) {
  const auto& head = parser_->get();
  if (!http_1_0_ && head.count(beast_http::field::host) != 1) {
    early_ = make_error(errc::invalid_argument, "the request needs one Host header");
    keep_alive_ = false;
  } else if (match.malformed) {
    early_ = make_error(errc::invalid_argument, "the path has a malformed percent escape");
  } else if (match.found == nullptr && match.allow.empty()) {
    early_ = make_error(errc::not_found, "there is no such route");
  } else if (match.found == nullptr) {
    early_ = make_error(errc::method_not_allowed, "the route takes " + match.allow);
    early_extra_ = "Allow: " + match.allow + "\r\n";
  } else if (!match.found->is_public &&
             bearer_of(view(head[beast_http::field::authorization])).empty()) {
    early_ = make_error(errc::unauthenticated, "send an API key or an access token as bearer");
    early_->reason = "missing_credential";
    early_extra_ = "WWW-Authenticate: Bearer\r\n";
  }
  route_ = match.found;
  path_ = std::move(match.path);
  const auto length = parser_->content_length();
  const bool waits = starts_with_word(view(head[beast_http::field::expect]), "100-continue") &&
                     !http_1_0_ && !parser_->is_done();
  if (early_) {
    // A small body is read, so that the connection can stay; for a large one it is not worth it.
    if (waits || parser_->chunked() || (length && *length > body_kept_bytes)) {
      keep_alive_ = false;
      refuse(std::move(*early_), std::move(early_extra_));
    }
    return;
  }
  if (waits) {
    // Nothing else is on its way to this client, so that these bytes fit the socket's buffer.
    boost::system::error_code ignored;
    socket_.write_some(net::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n")), ignored);
  }
}

void connection::dispatch() {
  phase_ = phase::running;
  if (early_) return refuse(std::move(*early_), std::move(early_extra_));
  auto message = parser_->release();
  auto query = query_of(view(message.target()));
  if (!query) return refuse(std::move(query.error()));
  http_call call{edge_,
                 current_,
                 std::move(message.body()),
                 std::string(message[beast_http::field::content_type]),
                 std::move(*query),
                 std::move(path_),
                 {}};
  call.context.credential = bearer_of(view(message[beast_http::field::authorization]));
  call.context.request_id = current_->request_id;
  if (const auto trace = view(message["traceparent"]); valid_traceparent(trace))
    call.context.traceparent = trace;
  call.context.deadline = current_->started + limits::request_timeout;
  run_handler(call);
}

void connection::run_handler(http_call& call) {
  try {
    route_->run(call);
  } catch (const std::exception& e) {
    log::error("http.route_threw", {{"route", route_->pattern}, {"what", e.what()}});
    current_->fail(make_error(errc::internal, "the request could not be worked on"));
  }
}

void connection::on_news(const std::shared_ptr<exchange>& from) {
  if (phase_ != phase::running || from != current_ || news_over_) return;
  // While a write is under way, what comes stays in the exchange, which bounds it.
  if (!writing_) take_news();
}

void connection::take_news() {
  auto news = current_->take();
  if (current_->kind() == stream_kind::collect) {
    collected_ += news.text;
    if (!news.ended) return current_->grant(news.frames, news.bytes);
  }
  if (news.ended && news.answer) {
    if (current_->kind() == stream_kind::collect) news.answer->body = std::move(collected_);
    collected_.clear();
    return respond(std::move(*news.answer));
  }
  const bool streams =
      current_->kind() == stream_kind::openai || current_->kind() == stream_kind::events;
  if (!streams || (news.failure && !events_begun_ && news.text.empty() && events_.empty()))
    return respond(news.failure.value_or(make_error(errc::internal, "the stream had no end")));
  if (news.opened && !events_begun_ && news.text.empty() && !news.ended) events_ += sse_comment;
  events_ += news.text;
  frames_waiting_ += news.frames;
  bytes_waiting_ += news.bytes;
  if (news.ended) {
    news_over_ = true;
    failure_ = std::move(news.failure);
  }
  if (!events_.empty() || news_over_) write_events();
}

void connection::refuse(error why, std::string extra) {
  respond(why, std::move(extra));
}

void connection::respond(const error& why, std::string extra) {
  respond({.status = status_of(why), .body = error_body(why), .extra = std::move(extra)},
          retry_after_ms(why));
}

void connection::respond(http_answer answer, std::uint32_t retry_ms) {
  if (edge_.draining) keep_alive_ = false;
  phase_ = phase::responding;
  status_ = answer.status;
  response_head head;
  head.status = answer.status;
  head.content_type = answer.content_type;
  head.request_id = current_->request_id;
  head.extra = answer.extra;
  head.content_length = answer.body.size();
  head.processing_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - current_->started)
          .count();
  head.retry_after_ms = retry_ms;
  head.keep_alive = keep_alive_;
  head.http_1_0 = http_1_0_;
  out_.clear();
  append_head(out_, head);
  if (!head_) out_ += answer.body;
  write();
}

void connection::begin_events() {
  events_begun_ = true;
  open_streams().add(1);
  status_ = 200;
  if (http_1_0_ || edge_.draining) keep_alive_ = false;
  response_head head;
  head.content_type = "text/event-stream; charset=utf-8";
  head.request_id = current_->request_id;
  head.extra = "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
  head.processing_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - current_->started)
          .count();
  head.streamed = true;
  head.chunked = !http_1_0_;
  head.keep_alive = keep_alive_;
  append_head(out_, head);
}

// Everything that waits goes into one write; its credit comes back when the socket has taken it.
void connection::write_events() {
  out_.clear();
  if (!events_begun_) begin_events();
  if (news_over_) finish_events(failure_);
  if (http_1_0_)
    out_ += events_;
  else
    append_chunk(out_, events_);
  events_.clear();
  frames_out_ = std::exchange(frames_waiting_, 0);
  bytes_out_ = std::exchange(bytes_waiting_, 0);
  if (news_over_) {
    phase_ = phase::responding;
    if (!http_1_0_) out_ += last_chunk;
  }
  last_event_ = clock::now();
  write();
}

void connection::finish_events(const std::optional<error>& failure) {
  if (failure)
    append_error_event(events_, *failure);
  else if (current_->kind() == stream_kind::openai)
    events_ += sse_done;
}

void connection::end_running(const error& why) {
  switch (phase_) {
    case phase::idle:
    case phase::lingering:
    case phase::closed:
      return close();
    case phase::header:
      return close();
    case phase::responding:
      keep_alive_ = false;
      return;
    case phase::body:
      keep_alive_ = false;
      return refuse(why);
    case phase::running:
      break;
  }
  keep_alive_ = false;
  if (news_over_) return; // its end waits for the write under way
  current_->abandon();
  if (!events_begun_) return respond(why);
  news_over_ = true;
  failure_ = why;
  if (!writing_) write_events();
}

void connection::write() {
  writing_ = true;
  out_at_ = 0;
  deadline_ = clock::now() + edge_.config.write_timeout;
  // Most answers fit the socket's buffer: then no turn of the event loop is needed.
  boost::system::error_code ec;
  const auto n = socket_.write_some(net::buffer(out_), ec);
  if (!ec) out_at_ = n;
  if (ec && ec != net::error::would_block && ec != net::error::try_again) return on_gone(true);
  write_rest();
}

void connection::write_rest() {
  const auto then = [self = shared_from_this()](boost::system::error_code ec, std::size_t n) {
    if (self->phase_ == phase::closed) return;
    if (ec) return self->on_gone(true);
    if (n != 0) self->deadline_ = clock::now() + self->edge_.config.write_timeout;
    self->out_at_ += n;
    if (self->out_at_ < self->out_.size())
      self->write_rest();
    else
      self->on_written();
  };
  if (out_at_ == out_.size() && phase_ == phase::responding && in_at_ == in_.size()) {
    on_written(); // nothing waits behind it, so that no chain of calls can grow from here
  } else if (out_at_ == out_.size()) {
    net::post(socket_.get_executor(), [then] { then({}, 0); });
  } else {
    socket_.async_write_some(net::buffer(out_.data() + out_at_, out_.size() - out_at_), then);
  }
}

void connection::on_written() {
  writing_ = false;
  if (phase_ == phase::responding) return finish_request();
  current_->grant(std::exchange(frames_out_, 0), std::exchange(bytes_out_, 0));
  if (news_over_)
    write_events();
  else
    take_news();
}

void connection::finish_request() {
  const auto took = std::chrono::duration<double>(clock::now() - current_->started).count();
  count_request(status_, took);
  if (std::exchange(events_begun_, false)) open_streams().add(-1);
  current_->abandon();
  current_.reset();
  if (std::exchange(counted_, false)) --edge_.running;
  news_over_ = false;
  failure_.reset();
  events_.clear();
  frames_waiting_ = bytes_waiting_ = frames_out_ = bytes_out_ = 0;
  if (!keep_alive_ || edge_.draining) return linger();
  phase_ = phase::idle;
  deadline_ = clock::now() + edge_.config.idle_timeout;
  parse();
  read_more();
}

// Closing a socket with unread bytes in it would reset the connection and take the answer away
// from the client: end our half, and read on for a while.
void connection::linger() {
  const bool rest_expected = parser_ && !parser_->is_done();
  if (!rest_expected && in_at_ == in_.size()) return close();
  phase_ = phase::lingering;
  deadline_ = clock::now() + edge_.config.linger_timeout;
  in_.clear();
  in_at_ = 0;
  boost::system::error_code ignored;
  socket_.shutdown(net::ip::tcp::socket::shutdown_send, ignored);
  read_more();
}

} // namespace troupe::http
