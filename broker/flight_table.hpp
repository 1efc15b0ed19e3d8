#pragma once

#include "broker/envelope.hpp"
#include "broker/flight_format.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace troupe::wire {

/// Whether it says who is there, or who no longer is, and is worth a look by the table.
[[nodiscard]] inline bool says_who_is_there(const flight_record& r) noexcept {
  constexpr auto bit = [](frame type) { return 1u << static_cast<unsigned>(type); };
  constexpr auto heard = bit(frame::hello) | bit(frame::registration) | bit(frame::credit) |
                         bit(frame::heartbeat) | bit(frame::drain);
  constexpr auto said = bit(frame::reset) | bit(frame::goodbye);
  const auto type = r.type < 32u ? 1u << r.type : 0u;
  switch (static_cast<flight_kind>(r.kind)) {
    case flight_kind::received:
      return (type & heard) != 0;
    case flight_kind::sent:
      return (type & said) != 0;
    case flight_kind::peer_gone:
    case flight_kind::drain_started:
      return true;
    default:
      return false;
  }
}

/// What still holds of each peer of what has left the ring: its HELLO, the last REGISTER and CREDIT
/// of each service, its last HEARTBEAT, and that it drains. Fed with the same frames in the same
/// order, a broker knows the peers again. Lies in the recording's memory, after the head; a peer
/// for which there is no room is counted and left out. One thread.
class flight_table {
public:
  /// Neither may move.
  flight_table(flight_head& head, std::span<std::byte> memory);

  /// `body` is empty when it was not kept. It allocates for a HELLO only.
  void fold(const flight_record& r, std::string_view body) noexcept;

private:
  void greet(const flight_record& r, std::string_view body);
  void hear(const flight_record& r, std::string_view body);
  void put(const flight_record& r, std::string_view body, std::uint64_t incarnation,
           std::uint64_t link);
  [[nodiscard]] bool append(const flight_known& head, std::string_view body);
  void write(flight_known& into, const flight_record& r, std::string_view body);
  void forget(const flight_record& peer);
  void forget_link(std::uint64_t incarnation, std::uint64_t link);
  void leave_out(const flight_record& peer);
  void pack();
  [[nodiscard]] flight_known* find(const flight_record& like);
  template <class Which>
  void drop(std::uint32_t& first, Which which);
  template <class What>
  void each(What what);
  [[nodiscard]] flight_known& at(std::uint32_t offset) noexcept;
  [[nodiscard]] std::uint32_t& chain_of(const flight_record& peer) noexcept;
  void changes() noexcept;

  flight_head& head_;
  const std::span<std::byte> memory_;
  std::vector<std::uint32_t> chains_; ///< by peer: where its last entry is
  std::size_t dead_bytes_ = 0;        ///< of entries that no longer hold
};

} // namespace troupe::wire
