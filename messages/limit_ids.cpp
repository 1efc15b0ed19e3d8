#include "messages/limit_ids.hpp"

#include "messages/base/ids.hpp"
#include "messages/base/ip_address.hpp"

#include <charconv>
#include <set>

namespace troupe {
namespace {

constexpr char mark = '~';
constexpr int base = 16;

} // namespace

std::string address_scope(std::string_view address) {
  return "addr:" + limit_address(address);
}

std::string make_reservation_id(const std::vector<usage_caps>& caps, std::string_view address) {
  return make_uuid() + reservation_shards(caps, address);
}

std::string reservation_shards(const std::vector<usage_caps>& caps, std::string_view address) {
  std::set<shard_number> all;
  for (const auto& each : caps) all.insert(shard_of(each.subject));
  if (!address.empty()) all.insert(shard_of(address_scope(address)));
  std::string id(1, mark);
  constexpr std::string_view digits = "0123456789abcdef";
  for (const auto each : all) {
    id += digits[each / base];
    id += digits[each % base];
  }
  return id;
}

std::vector<shard_number> shards_of_id(std::string_view id) {
  std::set<shard_number> all;
  const auto at = id.find(mark);
  if (at == std::string_view::npos) return {};
  for (auto rest = id.substr(at + 1); rest.size() >= 2; rest.remove_prefix(2)) {
    shard_number one = 0;
    const auto [end, ec] = std::from_chars(rest.data(), rest.data() + 2, one, base);
    if (ec == std::errc() && end == rest.data() + 2 && one < limits::shards) all.insert(one);
  }
  return {all.begin(), all.end()};
}

} // namespace troupe
