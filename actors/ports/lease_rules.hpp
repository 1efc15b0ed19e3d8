#pragma once

#include "actors/ports/lease_store.hpp"

#include <algorithm>
#include <bitset>
#include <ranges>
#include <string_view>

/// What every adapter of lease_store refuses alike. Pure.
namespace troupe::lease_rules {

[[nodiscard]] inline result<void> check_name(std::string_view name, const char* param) {
  const bool printable = std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7F; });
  if (name.empty() || name.size() > limits::lease_name_bytes || !printable)
    return fail(errc::invalid_argument, "a name has 1 to 64 printable characters without spaces",
                param);
  return {};
}

[[nodiscard]] inline result<void> check_names(std::string_view service, std::string_view node) {
  if (auto ok = check_name(service, "service"); !ok) return ok;
  return check_name(node, "node");
}

[[nodiscard]] inline result<void> check_ttl(std::chrono::milliseconds ttl) {
  if (ttl < limits::lease_ttl_min || ttl > limits::lease_ttl_max)
    return fail(errc::invalid_argument, "a lease lasts 1 s to 60 s", "ttl");
  return {};
}

[[nodiscard]] inline result<void> check_join(std::string_view service, std::string_view node,
                                             std::chrono::milliseconds ttl) {
  if (auto ok = check_names(service, node); !ok) return ok;
  return check_ttl(ttl);
}

/// `shards` is any range of shard_number.
template <std::ranges::input_range Shards>
[[nodiscard]] result<void> check_shards(Shards&& shards) {
  std::bitset<limits::shards> seen;
  for (const shard_number each : shards) {
    if (each >= limits::shards)
      return fail(errc::invalid_argument, "there is no such shard", "shards");
    if (seen.test(each)) return fail(errc::invalid_argument, "a shard is named twice", "shards");
    seen.set(each);
  }
  if (seen.none()) return fail(errc::invalid_argument, "no shard is named", "shards");
  return {};
}

[[nodiscard]] inline result<void> check_holds(const std::vector<lease_hold>& holds) {
  if (auto ok = check_shards(holds | std::views::transform(&lease_hold::shard)); !ok) return ok;
  for (const auto& each : holds) {
    if (each.epoch == 0) return fail(errc::invalid_argument, "epochs begin with 1", "epoch");
    if (each.state && each.state->size() > limits::lease_state_bytes)
      return fail(errc::invalid_argument, "a state has at most 256 KiB", "state");
  }
  return {};
}

[[nodiscard]] inline result<void> check_take(std::string_view service, std::string_view node,
                                             const std::vector<shard_number>& shards,
                                             std::chrono::milliseconds ttl) {
  if (auto ok = check_names(service, node); !ok) return ok;
  if (auto ok = check_shards(shards); !ok) return ok;
  return check_ttl(ttl);
}

[[nodiscard]] inline result<void> check_keep(std::string_view service, std::string_view node,
                                             const std::vector<lease_hold>& holds,
                                             std::chrono::milliseconds ttl) {
  if (auto ok = check_names(service, node); !ok) return ok;
  if (auto ok = check_holds(holds); !ok) return ok;
  return check_ttl(ttl);
}

[[nodiscard]] inline result<void> check_give(std::string_view service, std::string_view node,
                                             const std::vector<lease_hold>& holds) {
  if (auto ok = check_names(service, node); !ok) return ok;
  return check_holds(holds);
}

/// What a store says to a write whose fence does not hold.
[[nodiscard]] inline error not_owner() {
  auto out = make_error(errc::conflict, "another owner has taken over");
  out.reason = "not_owner";
  return out;
}

[[nodiscard]] inline bool is_not_owner(const error& why) {
  return why.reason == not_owner().reason;
}

} // namespace troupe::lease_rules
