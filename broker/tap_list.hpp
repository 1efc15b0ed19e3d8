#pragma once

#include "broker/envelope.hpp"
#include "broker/frame_bodies.hpp"
#include "broker/worker_pool.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace troupe::wire {

struct tap_bounds {
  std::size_t taps = 8;
  std::uint32_t rate = 1000; ///< frames a second, of one tap
  std::uint32_t rate_of_all = 2000;
  std::chrono::milliseconds lease{10'000}; ///< unless it is asked for again
};

/// A frame that passes, as a tap sees it.
struct passing_frame {
  bool is_sent = false; ///< by the broker
  const envelope* header = nullptr;
  std::string_view body;
  std::string_view peer;    ///< the node's name
  std::string_view service; ///< that the call is about; empty: of no call that is known
};

/// Who looks on. What one may see a second is bounded, so that a tap never slows the broker; the
/// rest is counted, and the tap is told how many it missed. Pure.
class tap_list {
public:
  explicit tap_list(tap_bounds bounds = {}) : bounds_(bounds) {}

  /// Begins a tap, or renews or changes it. False: there are too many.
  [[nodiscard]] bool set(const peer_id& who, const tap_body& wish, instant now);
  void remove(const peer_id& who) { taps_.erase(who); }
  [[nodiscard]] bool empty() const noexcept { return taps_.empty(); }

  /// Calls `to(peer, packed tapped_body)` for each tap that is to see it.
  using sink = std::function<void(const peer_id&, std::string)>;
  void show(const passing_frame& frame, instant now, const sink& to);

private:
  struct tap {
    tap_body wish;
    instant until{};
    double tokens = 0;
    instant filled{};
    std::uint64_t missed = 0;
  };
  [[nodiscard]] static bool wants(const tap_body& wish, const passing_frame& frame);
  [[nodiscard]] static std::string packed(const tap& t, const passing_frame& frame, instant now);
  static bool take(double& tokens, instant& filled, std::uint32_t rate, instant now);

  const tap_bounds bounds_;
  std::map<peer_id, tap> taps_;
  double tokens_ = 0; ///< of all
  instant filled_{};
};

} // namespace troupe::wire
