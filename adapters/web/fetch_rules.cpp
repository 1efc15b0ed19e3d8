#include "adapters/web/fetch_rules.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

namespace troupe::web {
namespace {

constexpr std::chrono::minutes timeout_max{5};

using url_ptr = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

url_ptr parse(const std::string& url) {
  url_ptr parsed(curl_url(), &curl_url_cleanup);
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {nullptr, {}};
  return parsed;
}

std::string part(const url_ptr& url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, 0) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

/// A token of RFC 9110, 5.6.2.
bool is_header_name(std::string_view name) {
  constexpr std::string_view more = "!#$%&'*+-.^_`|~";
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.contains(c);
  };
  return !name.empty() && std::ranges::all_of(name, fits);
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

result<void> check_url(const std::string& url) {
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return fail(errc::invalid_argument, "wants http:// or https://", "url");
  const auto parsed = has_control(url) ? url_ptr{nullptr, {}} : parse(url);
  if (!parsed) return fail(errc::invalid_argument, "is no URL", "url");
  if (!part(parsed, CURLUPART_USER).empty() || !part(parsed, CURLUPART_PASSWORD).empty())
    return fail(errc::invalid_argument, "has a user or a password in it", "url");
  return {};
}

result<void> check_payload(const fetch_request& request) {
  const bool has_payload = !request.form.empty() || !request.body.empty();
  if (request.method == fetch_method::get && has_payload)
    return fail(errc::invalid_argument, "a GET carries no body", "body");
  if (!request.form.empty() && !request.body.empty())
    return fail(errc::invalid_argument, "goes with no form", "body");
  if (payload_of(request).size() > limits::fetch_body_bytes)
    return fail(errc::invalid_argument, "is too large", request.form.empty() ? "body" : "form");
  return {};
}

} // namespace

result<void> check(const fetch_request& request) {
  if (auto ok = check_url(request.url); !ok) return ok;
  for (const auto& [name, value] : request.headers)
    if (!is_header_name(name) || has_control(value))
      return fail(errc::invalid_argument, "a header is not well formed", "headers");
  if (has_control(request.user) || request.user.contains(':') ||
      has_control(request.password.value))
    return fail(errc::invalid_argument, "is no user of RFC 7617", "user");
  if (request.timeout.count() < 1 || request.timeout > timeout_max)
    return fail(errc::invalid_argument, "must be 1 ms to 5 min", "timeout");
  if (request.answer_bytes_max > limits::fetch_answer_bytes)
    return fail(errc::invalid_argument, "is past its bound", "answer_bytes_max");
  return check_payload(request);
}

std::string payload_of(const fetch_request& request) {
  if (request.form.empty()) return request.body;
  std::string out;
  const auto append = [&out](const std::string& text) {
    if (text.empty()) return; // curl would measure an empty text itself
    char* escaped = curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size()));
    if (escaped != nullptr) out += escaped;
    curl_free(escaped);
  };
  for (const auto& [name, value] : request.form) {
    if (!out.empty()) out += '&';
    append(name);
    out += '=';
    append(value);
    if (out.size() > limits::fetch_body_bytes) break; // refused anyway
  }
  return out;
}

std::string host_of(const std::string& url) {
  const auto parsed = parse(url);
  if (!parsed) return {};
  const auto port = part(parsed, CURLUPART_PORT);
  return part(parsed, CURLUPART_HOST) + (port.empty() ? "" : ":" + port);
}

error to_error(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return make_error(errc::unavailable, "the other server cannot be reached");
    case CURLE_OPERATION_TIMEDOUT:
      return make_error(errc::deadline_exceeded, "the other server did not answer in time");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
      return make_error(errc::upstream_failed, "no trusted TLS connection to the other server");
    default:
      return make_error(errc::upstream_failed, "the other server broke off its answer");
  }
}

} // namespace troupe::web
