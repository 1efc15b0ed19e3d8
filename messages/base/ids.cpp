#include "messages/base/ids.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <random>

namespace troupe {
namespace {

struct uuid_state {
  std::mutex mutex;
  std::mt19937_64 random{std::random_device{}() ^ (std::uint64_t{std::random_device{}()} << 32)};
  std::uint64_t last_ms = 0;
  std::uint16_t sequence =
      0; // 12 bits, RFC 9562 6.2 method 1: keeps the order inside a millisecond
};

struct uuid_words {
  std::uint64_t high;
  std::uint64_t low;
};

uuid_words next_words() {
  static uuid_state state;
  const std::lock_guard lock(state.mutex);
  using namespace std::chrono;
  auto now_ms = static_cast<std::uint64_t>(
      duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
  if (now_ms <= state.last_ms) {
    now_ms = state.last_ms;
    if (++state.sequence > 0xFFF) {
      ++now_ms;
      state.sequence = 0;
    }
  } else {
    state.sequence = static_cast<std::uint16_t>(state.random() & 0x7FF);
  }
  state.last_ms = now_ms;
  const std::uint64_t high = (now_ms << 16) | 0x7000 | state.sequence;
  const std::uint64_t low = (state.random() & 0x3FFFFFFFFFFFFFFFull) | 0x8000000000000000ull;
  return {high, low};
}

std::string hex32() {
  static constexpr char digits[] = "0123456789abcdef";
  const auto words = next_words();
  std::string out(32, '0');
  for (int i = 0; i < 16; ++i) {
    out[static_cast<std::size_t>(15 - i)] = digits[(words.high >> (4 * i)) & 15];
    out[static_cast<std::size_t>(31 - i)] = digits[(words.low >> (4 * i)) & 15];
  }
  return out;
}

} // namespace

std::string make_uuid() {
  auto hex = hex32();
  for (const std::size_t at : {20u, 16u, 12u, 8u}) hex.insert(at, 1, '-');
  return hex;
}

bool is_uuid(std::string_view text) noexcept {
  constexpr std::string_view form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  constexpr std::string_view digits = "0123456789abcdef";
  return std::ranges::equal(text, form, [&](char c, char wanted) {
    return wanted == '-' ? c == '-' : digits.contains(c);
  });
}

std::string make_id(std::string_view prefix) {
  std::string out(prefix);
  out += hex32();
  return out;
}

std::uint64_t own_incarnation() noexcept {
  static const std::uint64_t value = [] {
    std::random_device device;
    std::uint64_t bits = 0;
    while (bits == 0) bits = (std::uint64_t{device()} << 32) | device();
    return bits;
  }();
  return value;
}

call_id make_call_id() noexcept {
  static std::atomic<std::uint64_t> counter{0};
  return {own_incarnation(), counter.fetch_add(1, std::memory_order_relaxed) + 1};
}

} // namespace troupe
