#pragma once

#include "actors/ports/limit_store.hpp"
#include "messages/base/limits.hpp"

#include <algorithm>
#include <tuple>

/// What every adapter of limit_store must decide alike. Pure.
namespace troupe::limit_rules {

/// The length of a bucket: so long that limits::limit_buckets of them are no less than the window.
[[nodiscard]] inline std::int64_t bucket_ms(std::chrono::milliseconds window) noexcept {
  return (window.count() + limits::limit_buckets - 1) / limits::limit_buckets;
}

/// How long the record of a reservation with this want must live, at least.
[[nodiscard]] inline std::chrono::milliseconds record_life(const limit_want& want) noexcept {
  if (want.kind == limit_kind::streams) return want.window;
  return std::min<std::chrono::milliseconds>(want.window, limits::limit_record_life);
}

/// The longest of them, and a bit: a settle that comes with the window's last bucket still counts.
[[nodiscard]] inline std::chrono::milliseconds record_life(const std::vector<limit_want>& wants) {
  std::chrono::milliseconds most{0};
  for (const auto& want : wants) most = std::max(most, record_life(want));
  return most + most / limits::limit_buckets + std::chrono::seconds(1);
}

/// What a client asks for or a provider reports, within what a store takes.
[[nodiscard]] inline std::int64_t bounded_amount(std::int64_t amount) noexcept {
  return std::clamp<std::int64_t>(amount, 0, limits::limit_amount_max);
}

[[nodiscard]] inline result<void> check_id(const std::string& id) {
  if (id.empty() || id.size() > limits::limit_id_bytes)
    return fail(errc::invalid_argument, "a reservation's id has 1 to 64 bytes", "id");
  return {};
}

[[nodiscard]] inline result<void> check_want(const limit_want& want) {
  const auto wrong = [](const char* what, const char* param) {
    return fail(errc::invalid_argument, what, param);
  };
  const auto amount_max =
      want.kind == limit_kind::streams ? std::int64_t{1} : limits::limit_amount_max;
  if (want.scope.empty() || want.scope.size() > limits::limit_scope_bytes)
    return wrong("a scope has 1 to 200 bytes", "wants.scope");
  if (want.window < limits::limit_window_min || want.window > limits::limit_window_max)
    return wrong("a window lasts 1 s to 7 days", "wants.window");
  if (want.most < 0 || want.most > limits::limit_amount_max)
    return wrong("a limit is out of range", "wants.most");
  if (want.amount < 0 || want.amount > amount_max)
    return wrong("an amount is out of range", "wants.amount");
  return {};
}

[[nodiscard]] inline result<void> check_reserve(const std::string& id,
                                                const std::vector<limit_want>& wants) {
  if (auto ok = check_id(id); !ok) return ok;
  if (wants.empty() || wants.size() > limits::limit_wants)
    return fail(errc::invalid_argument, "a reservation has 1 to 16 wants", "wants");
  for (const auto& want : wants)
    if (auto ok = check_want(want); !ok) return ok;
  const auto name = [](const limit_want& w) { return std::tie(w.scope, w.kind, w.window); };
  for (auto a = wants.begin(); a != wants.end(); ++a)
    if (std::any_of(wants.begin(), a, [&](const limit_want& b) { return name(*a) == name(b); }))
      return fail(errc::invalid_argument, "two wants of one scope, kind and window", "wants");
  return {};
}

[[nodiscard]] inline result<void> check_settle(const std::string& id,
                                               const std::vector<std::int64_t>& amounts) {
  if (auto ok = check_id(id); !ok) return ok;
  const auto wrong = [](std::int64_t n) { return n < 0 || n > limits::limit_amount_max; };
  if (amounts.size() > limits::limit_wants || std::ranges::any_of(amounts, wrong))
    return fail(errc::invalid_argument, "an amount is out of range", "amounts");
  return {};
}

[[nodiscard]] inline result<void> check_renew(const std::vector<std::string>& ids) {
  if (ids.size() > limits::limit_renew_ids)
    return fail(errc::invalid_argument, "too many ids in one call", "ids");
  for (const auto& id : ids)
    if (auto ok = check_id(id); !ok) return ok;
  return {};
}

} // namespace troupe::limit_rules
