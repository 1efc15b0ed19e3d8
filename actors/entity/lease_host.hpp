#pragma once

#include "actors/entity/lease_keeper.hpp"
#include "actors/entity/shard_owners.hpp"
#include "actors/ports/lease_store.hpp"
#include "messages/base/limits.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// What a service does with the state of its shards. Called one at a time, on any thread; may ask
/// the host. All may be null.
struct shard_hooks {
  /// The shard is this node's from when this returns on. Epochs rise by one with each owner: after
  /// one's own it is as if it had never been lost. State and `saved_ago` as of lease_verdict.
  std::function<void(shard_number, std::uint64_t epoch, const std::string& state,
                     std::chrono::milliseconds saved_ago)>
      opened;
  /// It is no longer.
  std::function<void(shard_number, std::uint64_t epoch)> closed;
  /// Its state, if that has changed since the last one that is known to be saved.
  std::function<std::optional<std::string>(shard_number)> save;
  /// What `save` answered last is in the store.
  std::function<void(shard_number)> saved;
};

struct lease_host_config {
  lease_store* store =
      nullptr; ///< destroyed after the last call of this host, and not by its replies
  std::string service;
  std::uint64_t node = 0; ///< this process's incarnation
  std::chrono::milliseconds ttl = limits::shard_lease;
  shard_hooks hooks{};
  std::function<entity::instant()> now; ///< null: boot_now()
};

/// Has the shards of one service that are this node's: drives a lease_keeper with a store.
/// Thread-safe. Does nothing by itself: somebody calls tick().
class lease_host final : public shard_owners, public std::enable_shared_from_this<lease_host> {
public:
  explicit lease_host(lease_host_config config);

  /// Every limits::shard_tick. Who stops to call it loses its shards within their ttl.
  void tick();

  [[nodiscard]] std::uint64_t epoch_of(shard_number shard) const override;
  [[nodiscard]] std::uint64_t owner_of(shard_number shard) const override;
  /// For writes of who has the shard now; nothing: this node has not.
  [[nodiscard]] std::optional<lease_fence> fence_of(shard_number shard) const;
  /// Whether it has any.
  [[nodiscard]] bool has_shards() const;
  /// Whether this node gave the shard up that it had by this fence: then the next owner knows all
  /// that it did, and may go on with what it began.
  [[nodiscard]] bool gave(const lease_fence& fence) const;

  /// Gives all shards up and takes no more. As long as nobody else is there to take them it keeps
  /// them, unless it goes `at_last`.
  void drain(bool at_last);
  /// Whether it gives up all.
  [[nodiscard]] bool is_leaving() const;
  /// Whether this node has no shard, takes none, and the others, who ask every third of a ttl who
  /// is there, know it.
  [[nodiscard]] bool is_drained() const;

private:
  void leave_if_may(entity::keeper_outputs& out);
  void run(entity::keeper_outputs out);
  void handle(entity::join_call& one);
  void handle(entity::leave_call& one);
  void handle(entity::take_call& one);
  void handle(entity::keep_call& one);
  void handle(entity::give_call& one);
  void handle(entity::shard_opened& one);
  void handle(entity::shard_wanted& one);
  void handle(entity::shard_closed& one);
  void handle(entity::table_changed& one);
  template <class T, class Heed>
  [[nodiscard]] reply<T> heed(Heed heed);
  [[nodiscard]] entity::instant now() const { return config_.now(); }
  [[nodiscard]] std::optional<std::string> state_of(shard_number shard) const;

  struct shard_state {
    std::uint64_t ready = 0; ///< the epoch whose state is open
    std::uint64_t given = 0; ///< the last epoch that was given up
  };

  const lease_host_config config_;
  const std::string name_;
  mutable std::mutex mutex_; // guards all below
  entity::lease_keeper keeper_;
  std::array<shard_state, limits::shards> shards_;
  std::deque<entity::keeper_output> due_; ///< what the keeper said and nobody did yet
  std::vector<shard_number> saved_;       ///< of which the hook does not know yet
  bool is_running_ = false;               ///< somebody does it
  bool wants_drain_ = false, is_drained_at_last_ = false;
  std::optional<entity::instant> left_; ///< when it began to give up all
  shard_table heirs_;                   ///< then: among whom
};

} // namespace troupe
