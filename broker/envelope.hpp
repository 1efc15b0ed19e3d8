#pragma once

#include "messages/base/ids.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/result.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The header of every message on the wire (docs/wire-protocol.md): a positional msgpack array in a
/// frame of its own, before the body's frame.
namespace troupe::wire {

inline constexpr std::uint8_t version = 1;
inline constexpr std::uint8_t hops_max = 4;

using instant = std::chrono::steady_clock::time_point;

/// The numbers never change meaning. Those without a handler yet are reserved.
enum class frame : std::uint8_t {
  hello = 1,
  welcome = 2,
  reset = 3,
  registration = 4,
  registered = 5,
  credit = 6,
  request = 7,
  accept = 8,
  start = 9,
  reject = 10,
  partial = 11,
  final = 12,
  error = 13,
  window = 14,
  cancel = 15,
  heartbeat = 16,
  ping = 17,
  pong = 18,
  drain = 19,
  goodbye = 20,
  stats = 26,
  tap = 27,
  tapped = 28,
};
inline constexpr std::size_t frame_types = 29;

/// For logs and metric labels; "other" for a number without a name.
[[nodiscard]] std::string_view to_string(frame type) noexcept;

enum flag : std::uint8_t {
  critical = 1,   ///< refuse the message when its type is unknown
  idempotent = 2, ///< may be handed to another worker when the first is lost
  streamed = 4,   ///< the requester wants partials
  no_retry = 8,   ///< reserved
  delegated = 16, ///< a worker hands on a request that it serves; `cid` stays the requester's
  moved = 32,     ///< CREDIT: the call goes on, its worker answers through another broker
  lost = 64,      ///< CANCEL: this broker lost the requester, another one may have it
  on_start = 128, ///< REQUEST to a worker: say ACCEPT, and begin when START has come
};

/// Everything that the header carries. Absent fields have these defaults.
struct envelope {
  frame type = frame::heartbeat;
  std::uint8_t flags = 0;
  std::uint8_t hop = 0;
  std::uint8_t priority = 2;
  std::uint32_t ttl_ms = 0; ///< time left; 0: no deadline of its own
  call_id mid;              ///< this message: its sender's incarnation and counter
  call_id cid;              ///< the conversation: its requester and a number of its own
  std::string svc;          ///< REQUEST, ACCEPT, WINDOW without `to`: the method; REGISTER, CREDIT:
                            ///< the service
  std::uint64_t seq = 0;    ///< PARTIAL: from 1; FINAL: of the last PARTIAL; ACCEPT: of the move,
                            ///< 0: it has not begun and asks for START; REQUEST, and a broker's
                            ///< ERROR: how many workers may have begun it so far

  // ext
  std::string traceparent;
  std::string request_id;
  std::string credential;
  std::string caller;
  std::string client_address;
  std::string principal; ///< REQUEST: whose it is; brokers write it, what a peer says is dropped
  /// REQUEST: the incarnation of the one worker that can answer, 0: any; WINDOW, CANCEL: of the
  /// worker, 0: who has the call.
  std::uint64_t to = 0;

  bool operator==(const envelope&) const = default;
};

/// `envelope::ttl_ms` of a deadline: at least 1, and 0 for instant::max().
[[nodiscard]] std::uint32_t ttl_of(instant now, instant deadline);

/// Appends nothing, replaces `into`. The result may be longer than limits::wire_header_bytes when
/// the ext fields are; the sender must check.
void encode(const envelope& e, std::string& into);
[[nodiscard]] std::string encode(const envelope& e);

/// Never throws, allocates no more than the bytes hold. Unknown trailing fields and ext keys are
/// skipped. Errors: `invalid_argument`; `version` when the sender speaks another one.
[[nodiscard]] result<envelope> decode(std::string_view header);

} // namespace troupe::wire
