#pragma once

#include "messages/base/reply.hpp"
#include "messages/base/shards.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

namespace limits {
inline constexpr std::size_t lease_name_bytes = 64;            ///< of a service or a node
inline constexpr std::size_t lease_state_bytes = 256u << 10;   ///< of one shard
inline constexpr std::size_t lease_services = 64;              ///< of the store in memory
inline constexpr std::size_t lease_members = 256;              ///< of a service, there
inline constexpr std::size_t lease_calls = 256;                ///< that wait for a database
inline constexpr std::size_t lease_waiting_bytes = 128u << 20; ///< of states that wait for it
inline constexpr std::size_t lease_batch_calls = 16;           ///< in one transaction of it
inline constexpr std::chrono::seconds lease_ttl_min{1};
inline constexpr std::chrono::seconds lease_ttl_max{60};
static_assert(lease_waiting_bytes >= shards * lease_state_bytes, "one call must fit");
} // namespace limits

/// What became of one shard of a take.
struct lease_verdict {
  shard_number shard = 0;
  bool granted = false;
  // When granted:
  std::uint64_t epoch = 0; ///< from 1; names this ownership, see check_fence() of the adapters
  std::string state;       ///< the last that was saved; empty: none was
  /// Whether `state` is all that the owners before left: each of them gave the shard up, or nobody
  /// had it. False: one of them ended without a word, and may have done more than `state` knows.
  bool was_released = false;
  std::chrono::milliseconds saved_ago{0}; ///< how old `state` is by the store's clock; 0: none
  // When not granted:
  std::string holder;                     ///< the node that has it
  std::chrono::milliseconds remaining{0}; ///< of its lease, unless it keeps it
};

/// A lease that a node says it has, to be kept or given up.
struct lease_hold {
  shard_number shard = 0;
  std::uint64_t epoch = 0;
  /// The shard's state, saved in the same transaction; nothing: the saved one stays. Any bytes, at
  /// most limits::lease_state_bytes.
  std::optional<std::string> state = {};
};

/// What became of one hold of a keep.
struct lease_kept {
  shard_number shard = 0;
  bool kept = false;   ///< false: lost, and nothing was saved
  bool wanted = false; ///< when kept: another node has asked for it since it was taken
};

/// Which node has which shard of a service, kept where all nodes see it. A lease ends by itself
/// after its ttl, so that a node which is gone, frozen or cut off blocks nobody for longer.
///
/// Time is the store's own: a database server's clock, or one of a machine that counts through its
/// sleep and ends with a restart (which ends all leases). Owners count by their own clock from
/// before a call was sent, and less; so two nodes never believe that they have one shard, as long
/// as both clocks run alike. What a server's clock that jumps or an owner that freezes between its
/// look at the clock and its write can do is for the epoch to stop: epochs of a shard rise with
/// each change of owner and are never used twice, and other stores of the same database check them
/// in their own transactions (lease_fence).
///
/// The store also knows which nodes serve a service, for assign_shards(): each says so again and
/// again.
///
/// `service` and `node` have 1 to limits::lease_name_bytes bytes of printable ASCII without spaces;
/// `node` names a process and is new with each start of it. A call names 1 to limits::shards shards
/// of one service, each once; answers come in their order. `ttl` is limits::lease_ttl_min to _max.
///
/// Asynchronous; replies come on a thread of the adapter, a refusal of the call itself before it
/// returns. Errors: `unavailable` (the store is down, or nobody knows whether it was done),
/// `overloaded` (a bound of the adapter), `invalid_argument` (with `param`: `service`, `node`,
/// `shards`, `ttl`, `epoch` or `state`). Every call may be repeated when its answer was lost.
class lease_store {
public:
  virtual ~lease_store() = default;

  /// Says that this node is alive and serves the service, which holds for `ttl`; answers the names
  /// of all that do, sorted. At most limits::shard_nodes: past them the last by name are left out,
  /// which may be this one.
  virtual void join(std::string service, std::string node, std::chrono::milliseconds ttl,
                    reply<std::vector<std::string>> answer) = 0;

  /// Takes back the join. Leases stay.
  virtual void leave(std::string service, std::string node, reply<done> answer) = 0;

  /// Takes what has no lease, or one that was given up or has run out: with a new epoch, this
  /// node's own run-out lease too. A lease that this node has already keeps its epoch and never
  /// becomes shorter. A shard that another node has is refused, and the refusal is remembered
  /// (lease_kept::wanted) until that lease is over.
  virtual void take(std::string service, std::string node, std::vector<shard_number> shards,
                    std::chrono::milliseconds ttl, reply<std::vector<lease_verdict>> answer) = 0;

  /// Begins these leases anew. One that is another's, has another epoch, was given up or has run
  /// out is lost, even if nobody has taken it.
  virtual void keep(std::string service, std::string node, std::vector<lease_hold> holds,
                    std::chrono::milliseconds ttl, reply<std::vector<lease_kept>> answer) = 0;

  /// Gives up leases, also one that has run out, as long as nobody else took it. Answers the shards
  /// whose lease was not this node's with this epoch: of those nothing was saved. Again for the
  /// same epoch it changes nothing, and its state is not saved.
  virtual void give(std::string service, std::string node, std::vector<lease_hold> holds,
                    reply<std::vector<shard_number>> answer) = 0;
};

/// Names an ownership, for stores that refuse the writes of who has it no longer: `conflict` with
/// the reason `not_owner` when the shard's lease has another epoch or was given up. A lease that
/// has run out and that nobody took still passes: nobody can have read what it may overwrite.
struct lease_fence {
  /// What passes beside the ownership itself, for writes that the next owner finds in the store,
  /// whatever the state says that the shard was given up with.
  enum class also : std::uint8_t {
    nothing,
    until_taken, ///< it was given up and nobody has taken the shard since
    while_free   ///< nobody has the shard: who had it after this gave it up, too. Only for who did
                 ///< not lose it, for others may have answered in between
  };

  std::string service;
  shard_number shard = 0;
  std::uint64_t epoch = 0;
  also passes = also::nothing;
};

} // namespace troupe
