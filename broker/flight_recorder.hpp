#pragma once

#include "broker/broker_state.hpp"
#include "broker/flight_format.hpp"

#include <memory>
#include <span>
#include <string_view>

namespace troupe::wire {

/// Keeps the headers of the last frames that a broker took and sent, and what else happened to it;
/// and the bodies of those frames that change what the broker knows (HELLO, REGISTER, CREDIT,
/// HEARTBEAT). No other body, no credential, no name of a caller. Nothing is allocated after the
/// constructor. One thread writes; any may read image() at any time, and finds at most the oldest
/// record half overwritten.
class flight_recorder {
public:
  explicit flight_recorder(std::uint32_t records = flight_records,
                           std::uint32_t bodies_bytes = flight_bodies_bytes);

  /// Of the broker; what is too long is cut.
  void describe(std::string_view name, std::string_view address, std::uint64_t incarnation);

  void took(instant now, const broker_input& in) noexcept;
  void sent(instant now, const frame_to_send& out) noexcept;

  /// All of it, as the file has it. Stays where it is.
  [[nodiscard]] std::span<const std::byte> image() const noexcept {
    return std::as_bytes(std::span(memory_.get(), words_));
  }

private:
  [[nodiscard]] flight_head& head() const noexcept {
    return *reinterpret_cast<flight_head*>(memory_.get());
  }
  flight_record& begin(instant now, flight_kind kind) noexcept;
  void end() noexcept;
  static void put_frame(flight_record& r, const peer_id& peer, const envelope& e,
                        std::size_t body_size) noexcept;
  void keep_body(flight_record& r, std::string_view body) noexcept;

  const std::uint32_t records_, bodies_bytes_;
  const std::size_t words_;
  const std::unique_ptr<std::uint64_t[]> memory_; ///< words, so that all of it is aligned
  flight_record* const first_;
  char* const bodies_;
  bool has_begun_ = false;
  instant origin_{}; ///< of the first event
};

} // namespace troupe::wire
