#include "adapters/http/connection.hpp"
#include "adapters/http/error_to_status.hpp"
#include "adapters/http/http_metrics.hpp"
#include "adapters/http/response_head.hpp"
#include "adapters/http/sse.hpp"
#include "adapters/http/supabase_errors.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

namespace troupe::http {

namespace net = boost::asio;

void connection::on_news(const std::shared_ptr<exchange>& from) {
  if (phase_ != phase::running || from != current_ || news_over_) return;
  // While a write is under way, what comes stays in the exchange, which bounds it.
  if (!writing_) take_news();
}

void connection::take_news() {
  auto news = current_->take();
  head_lines_ += news.head_lines;
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
  at_ = std::move(news.at);
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
  if (route_ != nullptr && route_->errors == error_form::gotrue)
    return respond_as_gotrue(why, std::move(extra));
  respond({.status = status_of(why), .body = error_body(why), .extra = std::move(extra)},
          retry_after_ms(why));
}

void connection::respond_as_gotrue(const error& why, std::string extra) {
  auto said = supabase_error(why, error_words_);
  if (error_words_) extra += "X-Supabase-Api-Version: " + std::string(supabase_version) + "\r\n";
  respond({.status = said.status, .body = std::move(said.body), .extra = std::move(extra)},
          retry_after_ms(why));
}

// What the heads of all answers have.
response_head connection::head_of_answer() const {
  response_head head;
  head.request_id = current_->request_id;
  head.common = edge_.common_lines;
  head.cors = cors_;
  head.processing_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - current_->started)
          .count();
  head.keep_alive = keep_alive_;
  return head;
}

void connection::respond(http_answer answer, std::uint32_t retry_ms) {
  if (edge_.leaving) keep_alive_ = false;
  phase_ = phase::responding;
  status_ = answer.status;
  auto head = head_of_answer();
  head.status = answer.status;
  head.content_type = answer.content_type;
  const auto extra = answer.extra + head_lines_;
  head.extra = extra;
  head.content_length = answer.body.size();
  head.retry_after_ms = retry_ms;
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
  if (http_1_0_ || edge_.leaving) keep_alive_ = false;
  auto head = head_of_answer();
  head.content_type = "text/event-stream; charset=utf-8";
  const auto extra = "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n" + head_lines_;
  head.extra = extra;
  head.streamed = true;
  head.chunked = !http_1_0_;
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
  if (failure) {
    auto why = *failure;
    if (at_.events > 0) why.started = started_state::yes; // the client has seen it
    append_error_event(events_, why, at_);
  } else if (current_->kind() == stream_kind::openai) {
    events_ += sse_done;
  }
}

void connection::end_running(const error& why) {
  switch (phase_) {
    case phase::greeting:
    case phase::idle:
    case phase::header:
    case phase::lingering:
    case phase::closed:
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
  auto said = why;
  said.started = is_turn_awaited_ ? started_state::no : started_state::unknown;
  if (!events_begun_) return respond(said);
  news_over_ = true;
  failure_ = std::move(said);
  if (!writing_) write_events();
}

void connection::write() {
  writing_ = true;
  out_at_ = 0;
  deadline_ = clock::now() + edge_.config.write_timeout;
  // Most answers fit the socket's buffer: then no turn of the event loop is needed.
  boost::system::error_code ec;
  const auto n = stream_.write_some(net::buffer(out_), ec);
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
    net::post(stream_.socket().get_executor(), [then] { then({}, 0); });
  } else {
    stream_.async_write_some(net::buffer(out_.data() + out_at_, out_.size() - out_at_), then);
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
  let_go();
  turn_ = {};
  is_turn_awaited_ = false;
  news_over_ = false;
  failure_.reset();
  events_.clear();
  head_lines_.clear();
  at_ = {};
  frames_waiting_ = bytes_waiting_ = frames_out_ = bytes_out_ = 0;
  const bool rest_expected = parser_ && !parser_->is_done();
  parser_.reset(); // with a body that was refused or that nobody wanted, as of a preflight
  if (!keep_alive_ || edge_.draining) return linger(rest_expected); // what the head said holds
  phase_ = phase::idle;
  deadline_ = clock::now() + edge_.config.idle_timeout;
  parse();
  read_more();
}

// Closing a socket with unread bytes in it would reset the connection and take the answer away
// from the client: end our half, and read on for a while.
void connection::linger(bool rest_expected) {
  if (!rest_expected && in_at_ == in_.size()) return close();
  phase_ = phase::lingering;
  deadline_ = clock::now() + edge_.config.linger_timeout;
  in_.clear();
  in_at_ = 0;
  stream_.end_sending();
  read_more();
}

} // namespace troupe::http
