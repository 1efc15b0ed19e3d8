#include "adapters/web/fetch_call.hpp"

#include "adapters/curl/http_handle.hpp"
#include "adapters/web/fetch_rules.hpp"
#include "messages/base/log.hpp"

#include <utility>

namespace troupe::web {
namespace {

constexpr std::size_t header_bytes_max = 64u << 10;

} // namespace

fetch_call::fetch_call(fetch_request request, reply<fetch_reply> answer, over ended)
    : request_(std::move(request)), answer_(std::move(answer)), ended_(std::move(ended)) {}

fetch_call::~fetch_call() {
  curl_easy_cleanup(easy_);
  curl_slist_free_all(headers_);
}

void fetch_call::start(curl::curl_loop& loop, std::chrono::milliseconds connect_timeout,
                       const std::string& ca_file) {
  easy_ = curl::make_http_handle(request_.url, connect_timeout);
  if (easy_ == nullptr) {
    answer_.fail(make_error(errc::internal, "no memory for a request"));
    return end();
  }
  if (!ca_file.empty()) curl_easy_setopt(easy_, CURLOPT_CAINFO, ca_file.c_str());
  set_options();
  set_payload();
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
  loop.prepare(easy_);
  loop.add(easy_, *this);
}

void fetch_call::set_options() {
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &fetch_call::header_callback);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &fetch_call::write_callback);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  if (!request_.user.empty()) {
    curl_easy_setopt(easy_, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy_, CURLOPT_USERNAME, request_.user.c_str());
    curl_easy_setopt(easy_, CURLOPT_PASSWORD, request_.password.value.c_str());
  }
  // An empty value would make curl drop the header; a semicolon sends it empty.
  for (const auto& [name, value] : request_.headers)
    add_header(value.empty() ? name + ';' : name + ": " + value);
}

void fetch_call::set_payload() {
  if (request_.method == fetch_method::get) return;
  payload_ = payload_of(request_);
  add_header("Expect:"); // no 100-continue round trip
  // On a kept connection that turns out closed curl sends again, and a code must be shown once.
  curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(easy_, CURLOPT_POST, 1L);
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(payload_.size()));
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, payload_.c_str());
}

void fetch_call::cancel(curl::curl_loop& loop) {
  loop.remove(easy_);
  answer_.fail(make_error(errc::cancelled, "the program is shutting down"));
}

std::size_t fetch_call::header_callback(char* data, std::size_t size, std::size_t count,
                                        void* self) {
  return static_cast<fetch_call*>(self)->on_header({data, size * count}) ? size * count : 0;
}

std::size_t fetch_call::write_callback(char* data, std::size_t size, std::size_t count,
                                       void* self) {
  // Any other count makes curl close the connection.
  const bool good = static_cast<fetch_call*>(self)->on_body({data, size * count});
  return good ? size * count : size * count + 1;
}

bool fetch_call::on_header(std::string_view line) {
  header_bytes_ += line.size();
  too_large_ = too_large_ || header_bytes_ > header_bytes_max;
  if (line.starts_with("HTTP/")) seen_ = {}; // a response after a 1xx one
  if (const auto type = curl::header_value(line, "content-type:")) seen_.content_type = *type;
  if (const auto rule = curl::header_value(line, "cache-control:")) {
    // A list may come in several lines (RFC 9110, 5.3).
    seen_.cache_control += (seen_.cache_control.empty() ? "" : ", ") + std::string(*rule);
  }
  return !too_large_;
}

bool fetch_call::on_body(std::string_view bytes) {
  too_large_ = too_large_ || bytes.size() > request_.answer_bytes_max - seen_.body.size();
  if (!too_large_) seen_.body.append(bytes);
  return !too_large_;
}

void fetch_call::on_done(CURLcode code) {
  answer_(outcome(code));
  end();
}

void fetch_call::end() {
  auto ended = std::move(ended_); // it destroys this
  ended(this);
}

result<fetch_reply> fetch_call::outcome(CURLcode code) {
  if (code == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    seen_.status = static_cast<int>(status);
    return std::move(seen_);
  }
  const char* why = too_large_ ? "its answer is too large" : curl_easy_strerror(code);
  log::warn("web.fetch_failed", {{"host", host_of(request_.url)}, {"why", why}});
  if (too_large_)
    return fail(errc::upstream_failed, "the other server sent an answer that is too large");
  return std::unexpected(to_error(code));
}

} // namespace troupe::web
