#include "adapters/http/error_to_status.hpp"

#include "messages/codec/chat_json.hpp"

#include <array>
#include <boost/describe/enum_to_string.hpp>
#include <utility>

namespace troupe::http {
namespace {

// By errc's number; 0 is unused.
constexpr std::array<unsigned, 21> statuses{500, 400, 401, 403, 404, 405, 409, 413, 415, 429, 499,
                                            504, 503, 502, 502, 503, 503, 500, 500, 500, 500};
static_assert(statuses[std::to_underlying(errc::too_large)] == 413);
static_assert(statuses[std::to_underlying(errc::cancelled)] == 499);
static_assert(statuses[std::to_underlying(errc::draining)] == 503);

constexpr std::uint32_t default_retry_ms = 1000;

std::string quoted_or_null(std::string_view text) {
  return text.empty() ? "null" : chat_json::quoted(text);
}

} // namespace

unsigned status_of(const error& why) noexcept {
  if (why.status >= 400 && why.status <= 599) return why.status;
  const auto number = std::to_underlying(why.code);
  return number < statuses.size() ? statuses[number] : 500;
}

std::string_view type_of(unsigned status) noexcept {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 409:
      return "conflict_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

bool tells_started(unsigned status, started_state started) noexcept {
  return status >= 499 || status == 429 || (status == 409 && started == started_state::yes);
}

std::string started_member(started_state started) {
  return R"(,"started":")" + std::string(boost::describe::enum_to_string(started, "unknown")) + '"';
}

std::string error_body(const error& why, std::string_view more) {
  const auto status = status_of(why);
  const bool is_failure = status >= 499;
  std::string out = R"({"error":{"message":)";
  out += chat_json::quoted(why.message.empty() ? to_string(why.code) : why.message);
  out += R"(,"type":")";
  out += type_of(status);
  out += R"(","param":)";
  out += quoted_or_null(why.param);
  out += R"(,"code":)";
  const bool is_coded = is_failure && why.reason.empty() && why.status == 0;
  out += quoted_or_null(is_coded ? to_string(why.code) : why.reason);
  if (tells_started(status, why.started)) out += started_member(why.started);
  out += more;
  out += "}}";
  return out;
}

std::uint32_t retry_after_ms(const error& why) noexcept {
  if (why.retry_after_ms != 0) return why.retry_after_ms;
  const auto status = status_of(why);
  return status == 429 || status == 503 ? default_retry_ms : 0;
}

std::string_view reason_phrase(unsigned status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 303:
      return "See Other";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return status < 500 ? "Client Error" : "Server Error";
  }
}

} // namespace troupe::http
