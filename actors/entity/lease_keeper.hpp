#pragma once

#include "actors/ports/lease_store.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Which shards of a service this node has. Pure: no CAF, no clock, no I/O.
namespace troupe::entity {

/// Of one clock of this machine that counts through its sleep: boot_now() (boot_clock.hpp).
using instant = std::chrono::steady_clock::time_point;

struct keeper_config {
  std::string node; ///< this process's name in the lease store, new with each start
  std::chrono::milliseconds ttl{3000};
  /// We count a lease as over so much earlier than the store does, because clocks run apart:
  /// at 3 s and 300 ms by up to a tenth.
  std::chrono::milliseconds margin{300};
  std::uint32_t seed = 1; ///< of the jitter; another one for each node
};

// Calls to make. The driver makes them at once and brings the answer back with the same id; a late,
// lost or doubled answer does no harm. At most one of a kind is waited for.

struct join_call {
  std::uint64_t id = 0;
};
/// No answer is wanted.
struct leave_call {};
struct take_call {
  std::uint64_t id = 0;
  std::vector<shard_number> shards;
};
/// The driver may put a state into any hold: kept shards have it saved then.
struct keep_call {
  std::uint64_t id = 0;
  std::vector<lease_hold> holds;
};
struct give_call {
  std::uint64_t id = 0;
  std::vector<lease_hold> holds;
};

// What happened.

/// The shard is ours; shard_closed ends it.
struct shard_opened {
  shard_number shard = 0;
  std::uint64_t epoch = 0;
  std::string state;         ///< as of lease_verdict, and so the next two
  bool was_released = false; ///< false also when we had it before and it slipped from us
  std::chrono::milliseconds saved_ago{0};
};
/// Another node should have it, or this one drains: finish its requests, then give_up() with its
/// state. Once an ownership. Until then it stays ours.
struct shard_wanted {
  shard_number shard = 0;
  std::uint64_t epoch = 0;
};
enum class close_reason : std::uint8_t {
  given,  ///< given up, and its state is saved
  lost,   ///< the store says that it is ours no longer
  ran_out ///< the store could not be asked in time, or this node slept
};
/// Drop the shard's entities. Unless `given`, what was not saved before may be lost.
struct shard_closed {
  shard_number shard = 0;
  std::uint64_t epoch = 0;
  close_reason why = close_reason::lost;
};
/// The nodes have changed, and with them owner_of().
struct table_changed {};

using keeper_output = std::variant<join_call, leave_call, take_call, keep_call, give_call,
                                   shard_opened, shard_wanted, shard_closed, table_changed>;
using keeper_outputs = std::vector<keeper_output>;

/// One node's part in sharing out the shards of one service: joins the nodes that serve it, takes
/// the shards that assign_shards() gives it, keeps them every third of the ttl, and gives up those
/// that another node should have and asks for.
///
/// A shard is owned until the time before the last call that kept it was made, plus ttl, minus
/// margin: then the store still counts it as ours, so nobody else can have it. Whoever works on a
/// shard asks owns() with a fresh time right before each effect, and lets the store of the effect
/// check the epoch (lease_fence): between the look and the effect the process can freeze.
///
/// Not thread-safe. Inputs append to `out`, in order; `now` never runs back.
class lease_keeper {
public:
  explicit lease_keeper(keeper_config config);

  /// Does what is due. To be called at due() at the latest, and once at the start.
  void tick(instant now, keeper_outputs& out);
  [[nodiscard]] instant due() const;

  void joined(instant now, std::uint64_t id, result<std::vector<std::string>> said,
              keeper_outputs& out);
  void taken(instant now, std::uint64_t id, result<std::vector<lease_verdict>> said,
             keeper_outputs& out);
  void kept(instant now, std::uint64_t id, const result<std::vector<lease_kept>>& said,
            keeper_outputs& out);
  void given(instant now, std::uint64_t id, const result<std::vector<shard_number>>& said,
             keeper_outputs& out);

  /// A request waits for the shard: if it should be ours, ask for it soon.
  void need(instant now, shard_number shard, keeper_outputs& out);
  /// The requests of an owned shard are done: from now on owns() is false. `state`: nothing if the
  /// saved one is the last. An epoch that is not ours any more is passed over.
  void give_up(instant now, shard_number shard, std::uint64_t epoch,
               std::optional<std::string> state, keeper_outputs& out);
  /// Leaves, wants all shards given up, and takes no more.
  void drain(instant now, keeper_outputs& out);
  /// Whether all that was ours is given up or over.
  [[nodiscard]] bool is_drained() const noexcept;

  [[nodiscard]] bool owns(shard_number shard, instant now) const noexcept;
  /// When owned.
  [[nodiscard]] std::optional<std::uint64_t> epoch_of(shard_number shard,
                                                      instant now) const noexcept;
  /// The node that should have the shard, which may be this one and may not have it yet; empty:
  /// no nodes are known yet.
  [[nodiscard]] std::string_view owner_of(shard_number shard) const noexcept {
    return table_.node_of(shard);
  }
  [[nodiscard]] const shard_table& table() const noexcept { return table_; }

private:
  enum class phase : std::uint8_t { away, owned, parting };
  struct shard_state {
    phase at = phase::away;
    bool is_opened = false; ///< the host knows of it
    bool is_wanted = false; ///< another node asked for it
    bool was_told = false;  ///< shard_wanted is out
    std::uint64_t epoch = 0;
    std::uint64_t opened_epoch = 0;        ///< the last that the host knew of
    instant until{};                       ///< owned until then
    instant retry{};                       ///< away: take it then
    instant asked{};                       ///< away: when it was asked for
    std::optional<std::string> state = {}; ///< parting: the last
  };
  /// A kind of call: what is on its way, and when the next may be made.
  struct call_slot {
    std::uint64_t id = 0; ///< 0: none is on its way
    instant sent{};
    std::vector<lease_hold> about = {}; ///< shards and epochs
    instant next{};
    int failures = 0;
  };

  bool settles(call_slot& slot, std::uint64_t id) const noexcept;
  void begin(call_slot& slot, instant now);
  void failed(call_slot& slot, instant now);
  void drop_overdue(call_slot& slot, instant now);

  void ask_join(instant now, keeper_outputs& out);
  void ask_leave(keeper_outputs& out);
  void ask_take(instant now, keeper_outputs& out);
  void ask_keep(instant now, keeper_outputs& out);
  void ask_give(instant now, keeper_outputs& out);

  void heed_verdict(instant now, lease_verdict& said, keeper_outputs& out);
  void open(shard_number shard, lease_verdict& said, keeper_outputs& out);
  void close(shard_number shard, close_reason why, instant now, keeper_outputs& out);
  void close_run_out(instant now, keeper_outputs& out);
  void tell_wanted(keeper_outputs& out);

  [[nodiscard]] bool is_assigned(shard_number shard) const noexcept {
    return owner_of(shard) == config_.node;
  }
  [[nodiscard]] bool is_being_given(shard_number shard) const noexcept;
  [[nodiscard]] bool has(phase what) const noexcept;
  /// Between `most` less a share of it and `most`.
  [[nodiscard]] instant::duration jittered(instant::duration most, double share);
  [[nodiscard]] instant::duration third() { return jittered(config_.ttl / 3, 0.1); }

  const keeper_config config_;
  std::minstd_rand chance_;
  std::uint64_t calls_ = 0;
  shard_table table_;
  std::array<shard_state, limits::shards> shards_;
  call_slot join_, take_, keep_, give_;
  bool is_draining_ = false, has_left_ = false;
};

} // namespace troupe::entity
