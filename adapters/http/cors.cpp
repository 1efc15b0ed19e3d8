#include "adapters/http/cors.hpp"

#include <algorithm>
#include <array>

namespace troupe::http {
namespace {

constexpr std::size_t asked_bytes_max = 2048; // of Access-Control-Request-Headers

constexpr std::string_view exposed =
    "Access-Control-Expose-Headers: x-request-id, retry-after, retry-after-ms, "
    "openai-processing-ms, x-ratelimit-limit-requests, x-ratelimit-limit-tokens, "
    "x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, "
    "x-ratelimit-reset-tokens, x-stream-id, x-total-count, link, x-supabase-api-version\r\n";

// What the OpenAI and Supabase clients, EventSource polyfills and fetch() itself send.
constexpr std::array<std::string_view, 14> allowed_headers{
    "accept",           "apikey",
    "authorization",    "cache-control",
    "content-type",     "idempotency-key",
    "last-event-id",    "traceparent",
    "user-agent",       "x-client-info",
    "x-requested-with", "x-request-id",
    "prefer",           "x-supabase-api-version"};
constexpr std::array<std::string_view, 2> allowed_prefixes{"openai-", "x-stainless-"};

bool is_name(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool may_be_sent(std::string_view name) noexcept {
  return std::ranges::find(allowed_headers, name) != allowed_headers.end() ||
         std::ranges::any_of(allowed_prefixes, [&](auto p) { return name.starts_with(p); });
}

// The names of the list that may be sent, in lower case, as browsers compare them.
std::string chosen_headers(std::string_view asked) {
  std::string out;
  asked = asked.substr(0, asked_bytes_max);
  while (!asked.empty()) {
    const auto end = std::min(asked.find(','), asked.size());
    std::string name;
    for (const char c : asked.substr(0, end))
      if (c != ' ' && c != '\t') name += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
    asked.remove_prefix(std::min(end + 1, asked.size()));
    if (is_name(name) && may_be_sent(name)) out += (out.empty() ? "" : ", ") + name;
  }
  return out;
}

} // namespace

cors_policy::cors_policy(const std::vector<std::string>& origins)
    : any_(std::ranges::find(origins, "*") != origins.end()) {
  if (any_) {
    others_ = "Access-Control-Allow-Origin: *\r\n" + std::string(exposed);
    return;
  }
  for (const auto& origin : origins)
    listed_[origin] = "Access-Control-Allow-Origin: " + origin +
                      "\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n" +
                      std::string(exposed);
  // What a cache keeps must not be shown to another origin.
  if (!listed_.empty()) others_ = "Vary: Origin\r\n";
}

bool cors_policy::allows(std::string_view origin) const noexcept {
  return any_ || listed_.contains(origin);
}

std::string_view cors_policy::lines_for(std::string_view origin) const noexcept {
  const auto at = listed_.find(origin);
  return at == listed_.end() ? others_ : at->second;
}

std::string preflight_lines(std::string_view methods, std::string_view asked) {
  std::string out = "Access-Control-Allow-Methods: ";
  out += methods;
  if (const auto headers = chosen_headers(asked); !headers.empty())
    out += "\r\nAccess-Control-Allow-Headers: " + headers;
  return out += "\r\nAccess-Control-Max-Age: 7200\r\n"; // two hours: as long as Chromium keeps it
}

} // namespace troupe::http
