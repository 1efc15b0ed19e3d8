#include "actors/auth/cap_rules.hpp"

#include "actors/ports/limit_rules.hpp"
#include "messages/base/ip_address.hpp"
#include "messages/base/limits.hpp"
#include "messages/limit_ids.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace troupe::cap_rules {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::minutes a_minute{1};
constexpr std::chrono::hours a_day{24};

std::uint32_t retry_of(milliseconds after) {
  constexpr auto most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(after.count(), 1, most));
}

std::string in_words(const limit_want& want) {
  const auto most = std::to_string(want.most);
  switch (want.kind) {
    case limit_kind::requests:
      return most + " requests a minute";
    case limit_kind::tokens:
      return most + " tokens a minute";
    case limit_kind::streams:
      return most + " streams at the same time";
    case limit_kind::money:
      break;
  }
  return most + " millionths of a dollar a day";
}

error refusal(const limit_want& want, const limit_verdict& verdict) {
  auto text = "the limit of " + in_words(want) + " of " + want.scope + " is reached";
  if (want.amount > want.most)
    text = "the request alone wants " + std::to_string(want.amount) + ' ' +
           std::string(name_of(want.kind)) + ", more than the limit of " + in_words(want) + " of " +
           want.scope;
  auto why = make_error(errc::rate_limited, std::move(text));
  why.reason = "rate_limit_exceeded";
  why.retry_after_ms = retry_of(verdict.retry_after);
  return why;
}

} // namespace

std::string_view name_of(limit_kind kind) noexcept {
  constexpr std::array<std::string_view, 4> names{"requests", "tokens", "money", "streams"};
  return names[static_cast<std::size_t>(kind)];
}

std::vector<limit_want> wants_of(const reserve_request& in,
                                 std::int64_t address_requests_per_minute) {
  std::vector<limit_want> wants;
  const auto add = [&](const std::string& scope, limit_kind kind, std::int64_t most,
                       milliseconds window, std::int64_t amount) {
    if (most > 0 && amount > 0)
      wants.push_back({scope, kind, most, window, limit_rules::bounded_amount(amount)});
  };
  for (const auto& cap : in.caps) {
    add(cap.subject, limit_kind::requests, cap.requests_per_minute, a_minute, in.requests);
    add(cap.subject, limit_kind::tokens, cap.tokens_per_minute, a_minute, in.tokens);
    add(cap.subject, limit_kind::streams, cap.streams, limits::stream_lease, in.streams);
    add(cap.subject, limit_kind::money, cap.micro_usd_per_day, a_day, in.micro_usd);
  }
  if (!in.address.empty())
    add(address_scope(in.address), limit_kind::requests, address_requests_per_minute, a_minute,
        in.requests);
  return wants;
}

reserve_reply reply_of(const std::vector<limit_want>& wants, const limit_verdict& verdict) {
  reserve_reply out;
  for (std::size_t i = 0; i < wants.size() && i < verdict.states.size(); ++i) {
    const auto& state = verdict.states[i];
    const rate_limit one{std::string(name_of(wants[i].kind)), wants[i].most, state.remaining,
                         state.reset.count()};
    const auto same = std::ranges::find(out.limits, one.kind, &rate_limit::kind);
    if (same == out.limits.end())
      out.limits.push_back(one);
    else if (one.remaining < same->remaining)
      *same = one;
  }
  if (verdict.granted)
    for (const auto& want : wants) out.kinds.emplace_back(name_of(want.kind));
  else
    out.refused = refusal(wants[std::min(verdict.refused_by, wants.size() - 1)], verdict);
  return out;
}

std::vector<limit_want> try_from(std::string_view address, const attempt_limits& most) {
  const auto known = parse_ip(address);
  const bool is_near = !known || parse_ip_range("127.0.0.0/8")->contains(*known) ||
                       parse_ip_range("::1")->contains(*known);
  if (is_near || most.tries_per_address == 0) return {};
  return {{"try:" + limit_address(address), limit_kind::requests, most.tries_per_address,
           address_window, 1}};
}

std::vector<limit_want> failure_of(std::string account, std::int64_t amount,
                                   const attempt_limits& most) {
  if (most.failures_per_account == 0) return {};
  return {{"login:" + std::move(account), limit_kind::requests, most.failures_per_account,
           failure_window, amount}};
}

error too_many_tries(milliseconds retry_after) {
  auto why = make_error(errc::rate_limited, "too many tries: wait before the next one");
  why.reason = "over_request_rate_limit";
  why.retry_after_ms = retry_of(retry_after);
  return why;
}

} // namespace troupe::cap_rules
