#pragma once

#include "broker/node_events.hpp"

#include <set>

namespace troupe::wire {

/// A node's side of one connection to a broker: greeting, registering, the heartbeat. It knows
/// nothing of calls.
class link_state {
public:
  enum class news : std::uint8_t {
    none,
    welcomed,  ///< the broker takes frames
    linked,    ///< and has registered all services
    leaving,   ///< the broker is going
    forgotten, ///< the broker started anew: all that was said is lost
    useless,   ///< make another connection; why()
  };

  link_state(link_id id, std::string address, const node_identity& who, const node_bounds& bounds,
             outbox& out)
      : id_(id), address_(std::move(address)), who_(who), bounds_(bounds), out_(out) {}

  void greet(instant now);
  /// Says how many requests this broker may give, of each service; once more when that changes.
  void offer(instant now, std::size_t links);
  /// Nothing has to be confirmed (any more). True the first time.
  [[nodiscard]] bool becomes_linked();
  void drain();
  /// A frame; those about calls are only a sign of life.
  [[nodiscard]] news take(instant now, const broker_frame& in);
  [[nodiscard]] news pass(instant now);
  [[nodiscard]] bool is_beat_due(instant now) const noexcept {
    return is_welcomed_ && now >= next_beat_;
  }
  void beat(instant now, const heartbeat_body& said);
  [[nodiscard]] instant due() const;
  /// After a freeze of our own the broker's silence proves nothing.
  void forgive(instant now) noexcept { heard_ = asked_at_ = now; }

  [[nodiscard]] link_id id() const noexcept { return id_; }
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] std::uint64_t broker() const noexcept { return broker_; } ///< its incarnation
  [[nodiscard]] bool is_welcomed() const noexcept { return is_welcomed_; }
  [[nodiscard]] bool is_linked() const noexcept { return is_linked_; }
  [[nodiscard]] bool is_leaving() const noexcept { return is_leaving_; }
  [[nodiscard]] bool is_suspect(instant now) const noexcept {
    return now - heard_ >= bounds_.suspicion;
  }
  [[nodiscard]] std::string_view why() const noexcept { return why_; }

  std::size_t in_flight = 0; ///< calls that were asked over this link

private:
  [[nodiscard]] news useless(std::string_view why);
  [[nodiscard]] bool is_registering() const noexcept { return !unconfirmed_.empty(); }

  const link_id id_;
  const std::string address_;
  const node_identity& who_;
  const node_bounds& bounds_;
  outbox& out_;
  bool is_welcomed_ = false, is_linked_ = false, is_leaving_ = false, is_draining_ = false;
  std::uint64_t broker_ = 0;
  std::size_t shares_ = 0;                         ///< among how many links the capacity is cut
  std::set<std::string, std::less<>> unconfirmed_; ///< services
  instant heard_{}, next_beat_{};
  instant asked_at_{}; ///< when HELLO or the first REGISTER went out
  std::string_view why_;
};

} // namespace troupe::wire
