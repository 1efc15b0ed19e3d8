#include "adapters/redis/to_error.hpp"

#include "messages/base/log.hpp"

#include <algorithm>
#include <array>

namespace troupe::redis {
namespace {

constexpr std::uint32_t retry_after_ms = 1000; // a connection is tried every 2 s at the latest
constexpr std::uint32_t soon_ms = 100;

error with_retry(errc code, std::string message, std::uint32_t after_ms) {
  auto out = make_error(code, std::move(message));
  out.retry_after_ms = after_ms;
  return out;
}

} // namespace

error unavailable(std::string message) {
  return with_retry(errc::unavailable, std::move(message), retry_after_ms);
}

error overloaded() {
  return with_retry(errc::overloaded, "too many requests wait for the shared store", soon_ms);
}

error unexpected_answer() {
  log::error("redis.unexpected_answer");
  return make_error(errc::internal, "the shared store answered something unexpected");
}

bool is_readonly(std::string_view answer) noexcept {
  return answer.starts_with("READONLY");
}

bool is_unknown_script(std::string_view answer) noexcept {
  return answer.starts_with("NOSCRIPT");
}

error to_error(std::string_view answer) {
  // It starts, is a replica, moves slots, runs a long script, or is full; or refuses us.
  constexpr std::array<std::string_view, 12> passing{
      "LOADING", "READONLY",   "CLUSTERDOWN", "MASTERDOWN", "BUSY",   "OOM",
      "MISCONF", "NOREPLICAS", "MOVED",       "ASK",        "NOAUTH", "NOPERM"};
  if (answer.starts_with("TRYAGAIN") || answer.contains("non local key"))
    return with_retry(errc::unavailable, "the shared store is moving its data", soon_ms);
  if (std::ranges::any_of(passing, [&](auto word) { return answer.starts_with(word); })) {
    log::warn("redis.refused", {{"answer", answer}});
    return unavailable("the shared store cannot answer now");
  }
  log::error("redis.failed", {{"answer", answer}});
  return make_error(errc::internal, "the shared store failed");
}

error to_error(fault why) {
  auto out = unavailable(why == fault::down ? "the shared store is down"
                                            : "the shared store did not answer in time");
  out.started = why == fault::down ? started_state::no : started_state::unknown;
  return out;
}

} // namespace troupe::redis
