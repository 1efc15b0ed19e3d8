#include "adapters/http/response_head.hpp"

#include "adapters/http/error_to_status.hpp"

#include <charconv>
#include <ctime>

namespace troupe::http {
namespace {

void append_number(std::string& out, std::uint64_t value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

// RFC 9110's date, made once a second a thread.
std::string_view date_line() {
  thread_local std::time_t made = 0;
  thread_local char text[64];
  thread_local std::size_t size = 0;
  if (const auto now = std::time(nullptr); now != made) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    size = std::strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    made = now;
  }
  return {text, size};
}

bool is_json(const response_head& in) noexcept {
  return in.content_type == "application/json";
}

void append_retry(std::string& out, std::uint32_t ms) {
  out += "Retry-After: ";
  append_number(out, (std::uint64_t(ms) + 999) / 1000);
  out += "\r\nretry-after-ms: ";
  append_number(out, ms);
  out += "\r\n";
}

} // namespace

void append_head(std::string& out, const response_head& in) {
  // An answer keeps the version of the newest that we speak, also to an older client.
  out += "HTTP/1.1 ";
  append_number(out, in.status);
  out += ' ';
  out += reason_phrase(in.status);
  out += "\r\n";
  out += date_line();
  if (!in.content_type.empty()) {
    out += "Content-Type: ";
    out += in.content_type;
    out += "\r\n";
  }
  if (in.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (!in.streamed && in.status != 204) {
    out += "Content-Length: ";
    append_number(out, in.content_length);
    out += "\r\n";
  }
  if (!in.request_id.empty()) {
    out += "x-request-id: ";
    out += in.request_id;
    out += "\r\n";
  }
  if (in.processing_ms >= 0) {
    out += "openai-processing-ms: ";
    append_number(out, static_cast<std::uint64_t>(in.processing_ms));
    out += "\r\n";
  }
  if (in.retry_after_ms != 0) append_retry(out, in.retry_after_ms);
  out += in.common;
  if (is_json(in) && in.extra.find("Cache-Control:") == std::string_view::npos)
    out += "Cache-Control: no-store\r\n";
  out += in.cors;
  out += in.extra;
  if (!in.keep_alive)
    out += "Connection: close\r\n";
  else if (in.http_1_0)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

} // namespace troupe::http
