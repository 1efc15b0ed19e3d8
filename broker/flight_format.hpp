#pragma once

#include <cstddef>
#include <cstdint>

/// How a flight recording lies in memory and in its file: a head, a
/// table of what holds of the peers, a ring of records of one size, a ring of kept bodies. In the
/// byte order of the machine, so that a dying process only has to write it down; read it with the
/// program that wrote it (`version` says whether that fits).
namespace troupe::wire {

inline constexpr char flight_magic[8] = {'T', 'R', 'F', 'L', 'I', 'G', 'H', 'T'};
inline constexpr std::uint32_t flight_version = 2;
inline constexpr std::uint32_t flight_records = 10'000;
inline constexpr std::uint32_t flight_bodies_bytes = 2u << 20;
inline constexpr std::uint32_t flight_known_bytes = 2u << 20; ///< some 2,500 nodes that serve
inline constexpr std::size_t flight_body_max = 32u << 10;     ///< a longer body is not kept

enum class flight_kind : std::uint8_t {
  none = 0,
  received = 1, ///< a frame from a peer
  sent = 2,     ///< a frame to a peer
  peer_gone = 3,
  link_dropped = 4,
  time_passed = 5,
  drain_started = 6,
  stopping = 7,
  access_changed = 8, ///< the allow-list; what it says is not kept
};

struct flight_head {
  char magic[8];
  std::uint32_t version;
  std::uint32_t head_bytes, record_bytes;
  std::uint32_t records;      ///< that fit
  std::uint32_t bodies_bytes; ///< that fit
  std::uint32_t known_bytes;  ///< that fit
  std::uint64_t next;         ///< how many records were ever written
  std::uint64_t body_next;    ///< how many bytes of bodies were ever kept
  std::int64_t began_ms;      ///< wall clock, Unix
  std::uint64_t incarnation;
  char name[64], address[64];  ///< of the broker
  std::uint32_t known_used;    ///< bytes of the table that have entries
  std::uint32_t known_changes; ///< odd: the table is half changed
  std::uint64_t left_out;      ///< peers that the table has not, for want of room or of a body
};

struct flight_record {
  std::int64_t at_ns; ///< since the recording began
  std::uint64_t peer; ///< its bytes, the first the lowest; of a longer name a hash
  std::uint64_t mid_incarnation, mid_counter;
  std::uint64_t cid_incarnation, cid_counter;
  std::uint64_t seq, to;
  std::uint64_t body_at;   ///< of the kept body, in all bytes that were ever kept
  std::uint32_t body_size; ///< of the frame's body
  std::uint32_t body_kept; ///< 0: it was not kept
  std::uint32_t ttl_ms;
  std::uint32_t caller, address; ///< hashes that tell callers and clients apart; 0: there is none
  std::uint8_t kind, type, flags, hop, priority;
  std::uint8_t peer_size; ///< more than 8: `peer` is a hash
  std::uint8_t svc_size;  ///< of the first bytes, in `svc`
  std::uint8_t is_full;   ///< peer_gone: the connection took no more
  char svc[52];
};

/// An entry of the table; the body of the frame follows.
struct flight_known {
  std::uint32_t bytes;             ///< with the body, to a multiple of 8
  std::uint32_t older;             ///< for who writes it
  std::uint64_t incarnation, link; ///< of a HELLO
  flight_record record;            ///< `none`: no longer holds
};
static_assert(sizeof(flight_head) == 208 && sizeof(flight_record) == 152 &&
                  sizeof(flight_known) == 176,
              "no gaps: the file is what lies in memory");

} // namespace troupe::wire
