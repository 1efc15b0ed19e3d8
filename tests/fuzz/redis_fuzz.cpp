// Goal: no URL, no redirection and no slot map makes the Redis adapter crash, and what it takes
// from them is in range. Method: the first byte chooses which; a slot map is built from the bytes,
// a few for each value, because the reader of RESP is hiredis'.
#include "adapters/redis/cluster_map.hpp"
#include "adapters/redis/redis_url.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace troupe::redis;

void expect(bool holds) {
  if (!holds) std::abort();
}

/// A value of any shape: a byte of kind, then what the kind takes.
value take_value(std::string_view& from, int depth) {
  value out;
  if (from.empty()) return out;
  const auto head = static_cast<unsigned char>(from.front());
  from.remove_prefix(1);
  out.what = static_cast<value::kind>(head % 5);
  const auto size = std::min<std::size_t>(head / 5 % 8, from.size());
  for (std::size_t n = 0; n < size; ++n)
    out.number = out.number * 256 + static_cast<signed char>(from[n]);
  if (out.what != value::kind::array || depth == 0) {
    out.text = from.substr(0, size);
    from.remove_prefix(size);
    return out;
  }
  for (std::size_t n = 0; n < size; ++n) out.items.push_back(take_value(from, depth - 1));
  return out;
}

void try_url(std::string_view text) {
  const auto out = parse_url(text);
  if (!out) return expect(out.error().param == "redis.url" && !out.error().message.empty());
  expect(!out->host.empty() && out->port != 0 && (out->tls || out->ca_file.empty()));
}

void try_redirection(std::string_view text) {
  const auto out = redirection_of(text, "asked");
  if (out) expect(out->slot < slots_count && out->to.port != 0 && !out->to.host.empty());
  expect(slot_of(text) < slots_count);
}

void try_slots(std::string_view text) {
  for (const auto& each : slots_of(take_value(text, 4), "asked"))
    expect(each.first <= each.last && each.last < slots_count && each.master.port != 0 &&
           !each.master.host.empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr void (*tries[])(std::string_view) = {try_url, try_redirection, try_slots};
  tries[data[0] % 3](text);
  return 0;
}
