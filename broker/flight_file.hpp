#pragma once

#include "broker/broker_state.hpp"
#include "broker/flight_format.hpp"
#include "messages/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::wire {

/// One thing that happened to a broker, or that it did.
struct flight_event {
  flight_kind kind = flight_kind::none;
  std::chrono::nanoseconds at{}; ///< since the recording began
  peer_id peer; ///< of received, sent and peer_gone; of a name that was too long `#` and its hash
  envelope header; ///< without ext but `to`; the method or service is cut at 52 bytes
  std::size_t body_size = 0;
  std::string body;          ///< where it was kept
  std::uint32_t caller = 0;  ///< tells callers apart; 0: there is none
  std::uint32_t address = 0; ///< tells clients apart
  bool is_full = false;      ///< peer_gone
};

/// What a file of a flight recorder says.
struct flight {
  std::string name, address; ///< of the broker
  std::uint64_t incarnation = 0;
  std::int64_t began_ms = 0; ///< wall clock, Unix
  std::uint64_t lost = 0;    ///< events before the first one here
  /// What of the lost still holds of the peers: fed to a broker in this order, it knows them.
  std::vector<flight_event> known;
  std::uint64_t left_out = 0;       ///< peers that `known` should have and has not, ever
  bool is_known_whole = true;       ///< false: it was being changed, and `known` is empty
  std::vector<flight_event> events; ///< oldest first
};

/// Bounded by the bytes; never throws. Errors: `invalid_argument`, `version`.
[[nodiscard]] result<flight> read_flight(std::string_view bytes);

[[nodiscard]] std::string_view to_string(flight_kind kind) noexcept;

} // namespace troupe::wire
