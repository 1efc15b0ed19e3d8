#pragma once

#include "actors/ports/limit_store.hpp"
#include "messages/limits.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// From caps to reservations and back. Pure.
namespace troupe::cap_rules {

/// What a request takes from each of its caps, and from its address where that is limited
/// (`address_requests_per_minute`; 0: it is not). Empty: there is no cap on what it uses.
[[nodiscard]] std::vector<limit_want> wants_of(const reserve_request& in,
                                               std::int64_t address_requests_per_minute);

[[nodiscard]] reserve_reply reply_of(const std::vector<limit_want>& wants,
                                     const limit_verdict& verdict);

/// `requests`, `tokens`, `streams` or `money`.
[[nodiscard]] std::string_view name_of(limit_kind kind) noexcept;

// ---- sign-in and sign-up

/// How often somebody may try; 0: as often as they like.
struct attempt_limits {
  std::int64_t failures_per_account = 10; ///< wrong passwords in failure_window
  std::int64_t tries_per_address = 30;    ///< sign-ins and sign-ups in address_window
};
inline constexpr std::chrono::minutes failure_window{15};
inline constexpr std::chrono::minutes address_window{5};

/// A try from this address. Nothing for those of this machine, behind which a proxy may hide
/// everybody, and where the limit is off.
[[nodiscard]] std::vector<limit_want> try_from(std::string_view address,
                                               const attempt_limits& most);

/// A wrong password of an account (`account`: a digest of its e-mail); `amount` 0 only looks.
[[nodiscard]] std::vector<limit_want> failure_of(std::string account, std::int64_t amount,
                                                 const attempt_limits& most);

[[nodiscard]] error too_many_tries(std::chrono::milliseconds retry_after);

} // namespace troupe::cap_rules
