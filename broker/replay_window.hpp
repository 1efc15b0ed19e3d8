#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// Tells the messages of a link from their repetitions, by the numbers that their senders gave
/// them.
namespace troupe::wire {

/// Which of its numbers a sender has used: each of the last 960, and of all below them only that
/// they are too old. What RFC 4303 (3.4.3) calls the anti-replay window, as a ring of words of
/// which none is shifted (RFC 6479).
class replay_window {
  static constexpr std::uint64_t bits = 64, words = 16;

public:
  static constexpr std::uint64_t size = (words - 1) * bits;

  enum class verdict : std::uint8_t {
    fresh,
    repeated, ///< used before
    stale,    ///< so old that nobody knows
  };

  /// A fresh number is used from now on. Numbers are below 2^63.
  [[nodiscard]] verdict take(std::uint64_t number) noexcept;
  /// This number and all below it are used, and none above it, whatever was before.
  void begin(std::uint64_t number) noexcept;

private:
  std::uint64_t highest_ = 0;
  std::array<std::uint64_t, words> used_{}; ///< a bit for each number, in a ring
};

/// Of one connection. Counters with the highest bit set are numbered apart.
class used_numbers {
public:
  [[nodiscard]] replay_window::verdict take(std::uint64_t counter) noexcept {
    const auto how = window_of(counter).take(counter & ~of_link);
    auto& stale = is_of_link(counter) ? stale_link_frames_ : stale_calls_;
    if (how == replay_window::verdict::fresh) stale = 0;
    if (how == replay_window::verdict::stale) ++stale;
    return how;
  }
  /// So many of those that are numbered as this one were stale since the last fresh one.
  [[nodiscard]] int stale_in_a_row(std::uint64_t counter) const noexcept {
    return is_of_link(counter) ? stale_link_frames_ : stale_calls_;
  }
  /// Its first message, so that what was said over earlier ones is old.
  void begin(std::uint64_t counter) noexcept { window_of(counter).begin(counter & ~of_link); }

private:
  static constexpr auto of_link = 1ull << 63;
  [[nodiscard]] replay_window& window_of(std::uint64_t counter) noexcept {
    return is_of_link(counter) ? link_frames_ : calls_;
  }
  [[nodiscard]] static bool is_of_link(std::uint64_t counter) noexcept {
    return (counter & of_link) != 0;
  }

  replay_window calls_, link_frames_;
  int stale_calls_ = 0, stale_link_frames_ = 0;
};

} // namespace troupe::wire
