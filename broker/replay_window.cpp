#include "broker/replay_window.hpp"

#include <algorithm>

namespace troupe::wire {

replay_window::verdict replay_window::take(std::uint64_t number) noexcept {
  if (number + size <= highest_) return verdict::stale;
  const auto word = number / bits, last = highest_ / bits;
  if (number > highest_) {
    for (auto n = word - std::min(word - last, words); n < word; ++n) used_[(n + 1) % words] = 0;
    highest_ = number;
  }
  const auto bit = 1ull << number % bits;
  auto& used = used_[word % words];
  if ((used & bit) != 0) return verdict::repeated;
  used |= bit;
  return verdict::fresh;
}

void replay_window::begin(std::uint64_t number) noexcept {
  highest_ = number;
  used_.fill(~0ull);
  used_[number / bits % words] = ~0ull >> (bits - 1 - number % bits);
}

} // namespace troupe::wire
