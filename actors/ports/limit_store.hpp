#pragma once

#include "messages/base/reply.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

/// What a limit counts. `money` is in micro-dollars. The first three are used up and come back as
/// the window slides; a stream is held until it is settled or its lease ends.
enum class limit_kind : std::uint8_t { requests, tokens, money, streams };

/// One bound that a reservation must keep, and how much of it is taken.
struct limit_want {
  /// Whose: `key:key_…`, `user:<uuid>`, `org:…`, `addr:203.0.113.7`, `login:<sha256>`; 1 to
  /// limits::limit_scope_bytes.
  std::string scope;
  limit_kind kind = limit_kind::requests;
  std::int64_t most = 0;            ///< in any window; may change from call to call
  std::chrono::milliseconds window; ///< limits::limit_window_min to _max; streams: the lease
  std::int64_t amount = 1; ///< 0 to limits::limit_amount_max; 0 only looks; streams: 0 or 1
};

struct limit_state {
  std::int64_t remaining = 0;         ///< never below 0
  std::chrono::milliseconds reset{0}; ///< until all that is used now is free again; 0: none is
};

struct limit_verdict {
  bool granted = false;
  /// When refused, the want that must wait longest: its index.
  std::size_t refused_by = 0;
  /// When refused: asking earlier is in vain, as far as the store can know. The window for an
  /// amount that is more than `most` (it is never granted); for streams, which end when they end,
  /// limits::limit_stream_retry or the lease if that is shorter.
  std::chrono::milliseconds retry_after{0};
  std::vector<limit_state> states; ///< one a want, after this reservation if it was granted
};

/// Limits that any number of nodes share exactly. A window is cut into limits::limit_buckets
/// buckets of whole milliseconds. What was taken counts until its bucket has wholly left the
/// window, which is up to a bucket later than it need be; so never more than `most` is admitted in
/// any `window`. Another window, kind or scope is another counter. Time is the store's own.
///
/// Asynchronous; replies come on a thread of the adapter, a refusal of the call itself before it
/// returns. Errors: `unavailable` (the store is down; see retry_after_ms), `overloaded` (a bound of
/// the adapter), `invalid_argument` (a want out of its bounds, with `param`). A limit that is
/// reached is no error but a verdict.
class limit_store {
public:
  virtual ~limit_store() = default;

  /// Takes all wants or none; at most limits::limit_wants, no two of one scope, kind and window.
  /// `id` names the reservation (a UUID that the caller makes). An id that was granted is granted
  /// again without being counted twice, until its record goes (see settle): so a call may be
  /// repeated when its answer was lost. The states are then those of now.
  virtual void reserve(std::string id, std::vector<limit_want> wants,
                       reply<limit_verdict> answer) = 0;

  /// Says what was really used, in the order of the reservation's wants. Counters move by the
  /// difference, in the bucket where it was reserved and only while that counts; they may pass
  /// `most`. Streams are given back. A second settle of an id changes nothing, nor does one of an
  /// unknown id: records live as long as their longest window, but limits::limit_record_life at
  /// most unless renewed; what was not settled by then counts as it was reserved.
  virtual void settle(std::string id, std::vector<std::int64_t> amounts, reply<done> answer) = 0;

  /// Begins the leases of the streams of these reservations anew: call it every third of a lease.
  /// Answers the ids that hold no stream any more (settled, expired, or the store forgot them). At
  /// most limits::limit_renew_ids.
  virtual void renew(std::vector<std::string> ids, reply<std::vector<std::string>> answer) = 0;
};

} // namespace troupe
