#pragma once

#include "actors/entity/shard_owners.hpp"
#include "actors/ports/lease_store.hpp"
#include "actors/ports/limit_book.hpp"
#include "actors/ports/limit_store.hpp"
#include "messages/limits.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// Asks the node that owns a shard. Any thread; replies on any.
struct limit_peers {
  std::function<void(std::uint64_t node, shard_reserve_request, reply<shard_verdict>)> reserve;
  std::function<void(std::uint64_t node, shard_settle_request, reply<done>)> settle;
  std::function<void(std::uint64_t node, shard_renew_request, reply<renew_reply>)> renew;
};

/// Limits that the nodes which serve them count among themselves: each shard of the counters is in
/// the memory of one of them, which has a lease on it (lease_store), and every node asks the owners
/// for what it does not have. Exact as long as no owner dies; with one, what it took since it last
/// saved (at most a third of a lease ago) is forgotten, and so much more may be admitted.
///
/// A reservation of several shards asks them one after the other and gives back what it has when
/// one refuses; for that moment another reservation may be refused a place that is free again.
/// Ids must come from make_reservation_id() to be settled or renewed; renew() answers those that no
/// shard holds any more. Waits up to `patience` for an owner to appear, then `unavailable`.
///
/// Thread-safe. Does nothing by itself: somebody calls tick().
class limit_shards final : public limit_store, public std::enable_shared_from_this<limit_shards> {
public:
  using clock = std::function<std::chrono::milliseconds()>; ///< never falls, sleeps included

  /// `now` is also what windows are counted by. `self`: this node's incarnation.
  limit_shards(std::uint64_t self, clock now);

  void connect(std::shared_ptr<const shard_owners> owners, limit_peers peers);

  void reserve(std::string id, std::vector<limit_want> wants, reply<limit_verdict> answer) override;
  void settle(std::string id, std::vector<std::int64_t> amounts, reply<done> answer) override;
  void renew(std::vector<std::string> ids, reply<std::vector<std::string>> answer) override;

  // As an owner, for other nodes. `unavailable` (reason `not_owner`) when it is another's.
  void reserve_part(shard_reserve_request in, reply<shard_verdict> answer);
  void settle_part(shard_settle_request in, reply<done> answer);
  void renew_part(shard_renew_request in, reply<renew_reply> answer);

  // What comes with a shard's lease.
  /// The state that the owner before saved `saved_ago` before; empty: none. What this node counted
  /// under the epoch just before is newer than that.
  void open(shard_number shard, std::uint64_t epoch, const std::string& state,
            std::chrono::milliseconds saved_ago);
  void close(shard_number shard, std::uint64_t epoch);
  /// As of shard_hooks.
  [[nodiscard]] std::optional<std::string> save(shard_number shard);
  void saved(shard_number shard);

  /// Looks again after what waits for an owner: every limits::shard_tick.
  void tick();

private:
  struct round;
  using round_ptr = std::shared_ptr<round>;
  struct waiter {
    std::chrono::milliseconds until;
    std::function<void(bool is_over)> again;
  };
  struct shard_book {
    limit_rules::limit_book book;
    std::uint64_t epoch = 0; ///< under which it was counted last
    /// Of changes: all, those that a state had that was asked for, those that are saved.
    std::uint64_t changes = 0, asked = 0, saved = 0;
    std::chrono::milliseconds swept{0}, closed{0}; ///< when; 0: it was not
  };

  void step(const round_ptr& r);
  void take_part(const round_ptr& r, const shard_verdict& part);
  void give_back(const round_ptr& r);
  template <class Request, class Reply>
  void ask_owner(Request in, std::chrono::milliseconds until, reply<Reply> answer);
  template <class Request, class Reply>
  void ask_peer(std::uint64_t node, Request in, std::chrono::milliseconds until,
                reply<Reply> answer);
  template <class Request, class Reply>
  void wait_for_owner(Request in, std::chrono::milliseconds until, reply<Reply> answer);
  template <class Request, class Reply>
  void answer_part(Request in, reply<Reply> answer);
  template <class Request>
  [[nodiscard]] auto serve(const Request& in);
  [[nodiscard]] bool has_room(shard_book& at, std::size_t wants);
  [[nodiscard]] result<shard_verdict> count(shard_book& at, const shard_reserve_request& in);
  [[nodiscard]] result<done> count(shard_book& at, const shard_settle_request& in);
  [[nodiscard]] result<renew_reply> count(shard_book& at, const shard_renew_request& in);

  const std::uint64_t self_;
  const clock now_;
  mutable std::mutex mutex_; // guards all below
  std::shared_ptr<const shard_owners> owners_;
  limit_peers peers_;
  std::array<shard_book, limits::shards> books_;
  std::vector<waiter> waiting_;
};

} // namespace troupe
