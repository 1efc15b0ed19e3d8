#pragma once

#include "broker/broker_state.hpp"
#include "broker/flight_format.hpp"
#include "broker/flight_table.hpp"

#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace troupe::wire {

/// Keeps the headers of the last frames that a broker took and sent, and what else happened to it;
/// and the bodies of those frames that change what the broker knows (HELLO, REGISTER, CREDIT,
/// HEARTBEAT), also longer than the others as long as they hold of a peer (flight_table). No other
/// body, no credential, no name of a caller. All memory is taken in the constructor. One thread
/// writes; any may read image() at any time, and finds at most the oldest
/// record half overwritten.
class flight_recorder {
public:
  /// At least 2 records. `known_bytes` are those of the table, a multiple of 8.
  explicit flight_recorder(std::uint32_t records = flight_records,
                           std::uint32_t bodies_bytes = flight_bodies_bytes,
                           std::uint32_t known_bytes = flight_known_bytes);

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
  [[nodiscard]] std::string_view kept_body(const flight_record& r) noexcept;

  const std::uint32_t records_, bodies_bytes_, known_bytes_;
  const std::size_t words_;
  const std::unique_ptr<std::uint64_t[]> memory_; ///< words, so that all of it is aligned
  flight_record* const first_;
  char* const bodies_;
  flight_table known_;
  std::vector<char> whole_; ///< a body that lies around the end of its ring, put together
  bool has_begun_ = false;
  instant origin_{}; ///< of the first event
};

} // namespace troupe::wire
