#pragma once

#include "broker/bus.hpp"
#include "broker/envelope.hpp"
#include "messages/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The bodies of the link's own frames: msgpack maps, unknown keys skipped, absent keys default.
namespace troupe::wire {

/// HELLO: who a peer is.
struct hello_body {
  std::string name;
  std::uint64_t incarnation = 0; ///< of the process; its call ids carry it
  std::uint64_t link = 0; ///< of this bus within it, so that a second HELLO replaces the first
  std::vector<std::string> roles; ///< at most 16
  std::uint64_t ver_min = 1, ver_max = 1;
};
/// WELCOME: what a broker offers.
struct welcome_body {
  std::uint64_t version = 1;
  std::uint64_t heartbeat_ms = 1000;
  std::vector<std::string> brokers; ///< as in HEARTBEAT
};
/// REGISTER: `svc` of the header is the service. CREDIT: with a cid, that call's slot is free
/// again; without one, `capacity` is the service's new capacity.
struct capacity_body {
  std::uint64_t capacity = 0;
  std::vector<bus_method> methods{}; ///< of REGISTER; a map from name to `once` or `idempotent`
};
/// HEARTBEAT; a broker says its brokers only.
struct heartbeat_body {
  std::uint64_t in_flight = 0;
  std::uint64_t progress = 0;       ///< answers sent so far
  std::vector<std::string> brokers; ///< addresses: of a node's links; of all its peers' links
  std::uint64_t stuck_ms = 0;       ///< for so long something in the node has not been run
};
/// WINDOW: credit for a stream. The sums since its begin, so that one that is lost does no harm.
struct window_body {
  std::uint64_t acked_seq = 0; ///< the last PARTIAL that arrived: this and those before are not
                               ///< said again
  std::uint64_t granted_frames = 0;
  std::uint64_t granted_bytes = 0; ///< both beside what a stream begins with
  bool resend = false; ///< answers go to the broker that brought this, from acked_seq + 1 on
};

/// TAP: show me what passes, for a while.
struct tap_body {
  std::string service{};              ///< of the calls to see; empty: all
  std::vector<std::uint64_t> types{}; ///< of the frames, at most 64; empty: those about calls
  std::uint64_t bodies = 0;           ///< 0: none, 1: their shape, 2: their texts without secrets
  std::uint64_t rate = 200;           ///< frames a second, at most
  bool is_over = false;               ///< enough
};
/// What body_text() makes of a body is no longer.
inline constexpr std::size_t tapped_text_bytes = 16u << 10;

/// TAPPED: a frame that passed.
struct tapped_body {
  std::uint64_t at_us = 0; ///< by the broker's steady clock
  bool is_sent = false;    ///< by the broker
  std::string peer;        ///< the node's name
  std::string service;     ///< that the call is about
  envelope header;         ///< without credential, caller, address and principal
  std::uint64_t body_bytes = 0;
  std::string body;         ///< as body_text() has it
  std::uint64_t missed = 0; ///< frames before it that were too many
};

[[nodiscard]] std::string encode(const hello_body& b);
[[nodiscard]] std::string encode(const welcome_body& b);
[[nodiscard]] std::string encode(const capacity_body& b);
[[nodiscard]] std::string encode(const heartbeat_body& b);
[[nodiscard]] std::string encode(const window_body& b);
[[nodiscard]] std::string encode(const tap_body& b);
[[nodiscard]] std::string encode(const tapped_body& b);

/// Bounded (4 KiB, depth 3, lists of 64; REGISTER: 32 KiB, bus_methods_max; TAPPED: 32 KiB); never
/// throws. Errors: `invalid_argument`.
[[nodiscard]] result<hello_body> decode_hello(std::string_view bytes);
[[nodiscard]] result<welcome_body> decode_welcome(std::string_view bytes);
[[nodiscard]] result<capacity_body> decode_capacity(std::string_view bytes);
[[nodiscard]] result<heartbeat_body> decode_heartbeat(std::string_view bytes);
[[nodiscard]] result<window_body> decode_window(std::string_view bytes);
[[nodiscard]] result<tap_body> decode_tap(std::string_view bytes);
[[nodiscard]] result<tapped_body> decode_tapped(std::string_view bytes);

} // namespace troupe::wire
