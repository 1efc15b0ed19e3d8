#include "adapters/llm/http_call.hpp"

#include "adapters/curl/http_handle.hpp"
#include "messages/base/metrics.hpp"
#include "messages/codec/chat_json.hpp"

#include <strings.h>
#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

namespace troupe::llm {

using curl::header_value;
using steady = std::chrono::steady_clock;

namespace {

constexpr std::size_t error_body_bytes = 64u << 10;
constexpr std::size_t answer_bytes = limits::body_bytes;
/// How long a connection may take to end its response after [DONE] before it is closed.
constexpr std::chrono::seconds linger{5};

metrics::metric& failures() {
  static metrics::metric counter(metrics::kind::counter, "troupe_upstream_failures_total",
                                 "Provider calls that failed, broke off or timed out.");
  return counter;
}

error to_error(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return not_begun(make_error(errc::upstream_failed, "the model provider cannot be reached"));
    case CURLE_OPERATION_TIMEDOUT: // only the connect time-out is curl's own
      return not_begun(
          make_error(errc::upstream_failed, "connecting to the model provider took too long"));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
      return not_begun(
          make_error(errc::upstream_failed, "no TLS connection to the model provider"));
    default:
      return make_error(errc::upstream_failed,
                        "the model provider closed the connection before it answered");
  }
}

std::uint32_t bounded_ms(double ms) {
  return static_cast<std::uint32_t>(std::clamp(ms, 0.0, 86'400'000.0));
}

/// `retry-after` in seconds or as a date, `retry-after-ms`; 0 when unreadable.
std::uint32_t retry_after(std::string_view value, double unit_ms) {
  double number = 0;
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failed == std::errc{} && end == value.data() + value.size())
    return bounded_ms(number * unit_ms);
  const auto date = curl_getdate(std::string(value).c_str(), nullptr);
  return date < 0 ? 0 : bounded_ms(static_cast<double>(date - std::time(nullptr)) * 1000.0);
}

} // namespace

http_call::http_call(std::shared_ptr<call_host> host, call_request request)
    : host_(std::move(host)), request_(std::move(request)) {
  if (!request_.traceparent.empty()) trace_header_ = "traceparent: " + request_.traceparent;
}

http_call::~http_call() {
  if (!settled_) host_->in_flight.fetch_sub(1, std::memory_order_relaxed);
}

void http_call::start() {
  if (settled_) return;
  started_ = last_byte_ = steady::now();
  if (started_ >= request_.deadline) {
    return deliver(
        fail(errc::deadline_exceeded, "the deadline passed before the provider was asked"));
  }
  easy_ = host_->take(request_.to);
  if (easy_ == nullptr) return deliver(fail(errc::internal, "no memory for a provider call"));
  host_->active.insert(shared_from_this());
  if (trace_header_.empty()) {
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, host_->headers);
  } else {
    trace_node_ = {trace_header_.data(), host_->headers};
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, &trace_node_);
  }
  if (request_.to != endpoint::models) {
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.raw.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.raw.c_str());
  }
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &http_call::header_callback);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &http_call::write_callback);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  host_->loop.add(easy_, *this);
}

// What arrives

std::size_t http_call::header_callback(char* data, std::size_t size, std::size_t count,
                                       void* self) {
  static_cast<http_call*>(self)->on_header({data, size * count});
  return size * count;
}

std::size_t http_call::write_callback(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<http_call*>(self)->on_body({data, size * count});
}

void http_call::on_header(std::string_view line) {
  if (headers_done_) return; // a trailer
  if (line.starts_with("HTTP/")) {
    const auto space = line.find(' ');
    const auto digits = space == line.npos ? std::string_view{} : line.substr(space + 1, 3);
    status_ = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), status_);
    is_event_stream_ = request_.stream;
    retry_after_ms_ = 0;
  } else if (line == "\r\n" || line == "\n") {
    if (status_ >= 200) on_headers_end();
  } else if (const auto type = header_value(line, "content-type:")) {
    // A provider that answers a streamed request with one JSON object tells of an error.
    if (strncasecmp(type->data(), "application/json", std::min<std::size_t>(type->size(), 16)) == 0)
      is_event_stream_ = false;
  } else if (const auto ms = header_value(line, "retry-after-ms:")) {
    retry_after_ms_ = retry_after(*ms, 1.0);
  } else if (const auto wait = header_value(line, "retry-after:"); wait && retry_after_ms_ == 0) {
    retry_after_ms_ = retry_after(*wait, 1000.0);
  }
}

void http_call::on_headers_end() {
  headers_done_ = true;
  last_byte_ = steady::now();
  if (!is_success()) is_event_stream_ = false;
  if (is_success() && !settled_ && request_.sink.accepted) request_.sink.accepted();
}

std::size_t http_call::on_body(std::string_view bytes) {
  last_byte_ = steady::now();
  if (settled_ || held_) return bytes.size(); // what comes after [DONE]
  if (!queue_.empty()) {
    paused_ = true;
    return CURL_WRITEFUNC_PAUSE; // curl keeps these bytes and reads no more
  }
  const bool good = is_event_stream_ ? parse(bytes) : collect(bytes);
  return good ? bytes.size() : bytes.size() + 1; // any other count makes curl close the connection
}

bool http_call::collect(std::string_view bytes) {
  if (!is_success()) {
    collected_.append(bytes.substr(0, error_body_bytes - collected_.size()));
    return true;
  }
  if (collected_.size() + bytes.size() > answer_bytes) {
    settle(std::unexpected(broke_off("sent an answer that is too large")));
    return false;
  }
  collected_.append(bytes);
  return true;
}

bool http_call::parse(std::string_view bytes) {
  events_.clear();
  const bool within_bounds = parser_.feed(bytes, events_);
  for (auto& event : events_) {
    take_event(std::move(event));
    if (settled_ || held_) break;
  }
  if (!within_bounds) settle(std::unexpected(broke_off("sent a line that is too long")));
  return !failed_;
}

void http_call::take_event(sse_event&& event) {
  if (event.data == "[DONE]") return settle(json_text{});
  json_text chunk{std::move(event.data)};
  const auto facts = chat_json::read(chunk);
  if (event.event == "error" || facts.is_error) {
    const auto& told = facts.error_message;
    return settle(std::unexpected(
        broke_off(told.empty() ? "reported an error in its stream" : "reported: " + told)));
  }
  if (!facts.valid) {
    return settle(std::unexpected(broke_off("sent a chunk that is no JSON object")));
  }
  finish_seen_ = finish_seen_ || !facts.finish_reason.empty();
  queue_.push_back(std::move(chunk));
  flush();
}

// Credit

void http_call::flush() {
  while (credit_ != 0 && !queue_.empty()) {
    --credit_;
    auto chunk = std::move(queue_.front());
    queue_.pop_front();
    request_.sink.chunk(std::move(chunk));
  }
}

void http_call::grant(std::uint32_t chunks) {
  if (settled_) return;
  credit_ = credit_ > UINT32_MAX - chunks ? UINT32_MAX : credit_ + chunks;
  flush();
  if (!queue_.empty()) return;
  if (held_) return deliver(std::move(*held_));
  if (!std::exchange(paused_, false) || easy_ == nullptr) return;
  last_byte_ = steady::now();
  // Hands out what curl kept, through write_callback.
  if (curl_easy_pause(easy_, CURLPAUSE_CONT) != CURLE_OK) end_now(broke_off("broke off"));
}

// The end

void http_call::settle(result<json_text> answer) {
  if (settled_ || held_) return;
  failed_ = !answer.has_value();
  if (queue_.empty()) return deliver(std::move(answer));
  held_ = std::move(answer);
}

void http_call::deliver(result<json_text> answer) {
  if (std::exchange(settled_, true)) return;
  settled_at_ = steady::now();
  host_->in_flight.fetch_sub(1, std::memory_order_relaxed);
  queue_.clear();
  if (!answer && answer.error().code != errc::cancelled) failures().add();
  request_.sink.end(std::move(answer));
  retire();
}

void http_call::end_now(error why) {
  const auto self = shared_from_this();
  // After [DONE] the connection is left to finish its response, so that it can be used again.
  if (settled_ && why.code == errc::cancelled) return;
  release_handle();
  deliver(std::unexpected(std::move(why)));
  retire();
}

void http_call::release_handle() {
  if (easy_ == nullptr) return;
  auto* easy = std::exchange(easy_, nullptr);
  host_->loop.remove(easy);
  host_->give_back(request_.to, easy);
}

void http_call::retire() {
  if (settled_ && easy_ == nullptr) host_->active.erase(shared_from_this());
}

void http_call::on_done(CURLcode code) {
  const auto self = shared_from_this();
  auto* easy = std::exchange(easy_, nullptr);
  settle(outcome(code));
  host_->give_back(request_.to, easy);
  retire();
}

void http_call::check_time(steady::time_point now) {
  const bool waits_for_credit = paused_ || !queue_.empty();
  if (settled_) {
    if (now - settled_at_ > linger) end_now(broke_off("did not end its response"));
  } else if (now >= request_.deadline) {
    auto late = make_error(errc::deadline_exceeded, "the model provider was not done in time");
    if (headers_done_) late.started = started_state::yes;
    end_now(std::move(late));
  } else if (!headers_done_) {
    if (now - started_ > host_->config.first_byte_timeout)
      end_now(broke_off("did not answer in time"));
  } else if (!waits_for_credit && now - last_byte_ > host_->config.stall_timeout) {
    end_now(broke_off("stopped sending"));
  }
}

result<json_text> http_call::outcome(CURLcode code) {
  if (headers_done_ && !is_success()) {
    auto refused = chat_json::provider_error(status_, collected_);
    refused.retry_after_ms = std::max(refused.retry_after_ms, retry_after_ms_);
    return std::unexpected(std::move(refused));
  }
  if (code != CURLE_OK) {
    return std::unexpected(headers_done_ ? broke_off("broke off its answer") : to_error(code));
  }
  if (!request_.stream || !is_event_stream_) return plain_outcome();
  if (finish_seen_) return json_text{};
  return std::unexpected(broke_off("broke off its stream"));
}

result<json_text> http_call::plain_outcome() {
  json_text body{std::move(collected_)};
  const auto facts = chat_json::read(body);
  if (facts.is_error) {
    const auto& told = facts.error_message;
    return std::unexpected(broke_off(told.empty() ? "reported an error" : "reported: " + told));
  }
  if (!facts.valid) return std::unexpected(broke_off("sent an answer that is no JSON object"));
  if (request_.stream) return std::unexpected(broke_off("did not stream its answer"));
  return body;
}

error http_call::broke_off(std::string_view what) const {
  auto out = make_error(errc::upstream_failed, "the model provider " + std::string(what));
  if (headers_done_) out.started = started_state::yes;
  return out;
}

} // namespace troupe::llm
