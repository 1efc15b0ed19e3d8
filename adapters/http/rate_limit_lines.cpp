#include "adapters/http/rate_limit_lines.hpp"

#include <cstdint>
#include <string_view>

namespace troupe::http {
namespace {

/// As OpenAI writes durations: `6m0s`, `1.2s`, `20ms`.
std::string duration_text(std::int64_t ms) {
  if (ms < 1000) return std::to_string(ms) + "ms";
  std::string out;
  if (ms >= 3'600'000) out += std::to_string(ms / 3'600'000) + 'h';
  if (ms >= 60'000) out += std::to_string(ms / 60'000 % 60) + 'm';
  out += std::to_string(ms / 1000 % 60);
  if (ms < 60'000 && ms % 1000 >= 100) out += '.' + std::to_string(ms % 1000 / 100);
  return out + 's';
}

} // namespace

std::string rate_limit_lines(const std::vector<rate_limit>& limits) {
  std::string out;
  for (const auto& each : limits) {
    if (each.kind != "requests" && each.kind != "tokens") continue;
    const auto line = [&](std::string_view what, const std::string& value) {
      out.append("x-ratelimit-").append(what).append("-").append(each.kind);
      out.append(": ").append(value).append("\r\n");
    };
    line("limit", std::to_string(each.limit));
    line("remaining", std::to_string(each.remaining));
    line("reset", duration_text(each.reset_ms));
  }
  return out;
}

} // namespace troupe::http
