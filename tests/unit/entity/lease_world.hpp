#pragma once

#include "actors/entity/lease_keeper.hpp"
#include "adapters/memory/memory_stores.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

/// A few nodes with a lease_keeper each, the store in memory and a network between, in virtual time
/// and with chance from a seed. The nodes' clocks have their own zeros and run apart by up to 2 %.
namespace troupe::entity_sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

/// What happened in a run, and what never may.
struct tally {
  int opened_whole = 0, opened_after_crash = 0, given = 0, lost = 0, ran_out = 0;
  int writes = 0, refused_writes = 0, freezes = 0, kills = 0, drains = 0, outages = 0;
  std::vector<std::string> wrongs; ///< the first few

  void add(const tally& other);
};

struct world_config {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;
  std::chrono::seconds rough{25}; ///< with faults
  std::chrono::seconds calm{12};  ///< then without, until all must be well
};

class world {
public:
  explicit world(world_config config);
  /// Runs it to its end.
  tally run();

private:
  /// What a node knows of a shard that it has. The state is the count of what was ever done.
  struct hosted {
    std::uint64_t epoch = 0;
    std::uint64_t count = 0;
  };
  struct node {
    std::string name;
    std::unique_ptr<entity::lease_keeper> keeper;
    double rate = 1;
    microseconds zero{0};
    microseconds frozen_until{0};
    microseconds last_call{0}; ///< calls reach the store in order
    microseconds wakes_at{0};
    bool is_draining = false;
    std::map<shard_number, hosted> shards;
  };
  using node_ptr = std::shared_ptr<node>;
  struct event {
    microseconds when;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const event& other) const { // the queue has the greatest first
      return when != other.when ? when > other.when : order > other.order;
    }
  };

  void at(microseconds when, std::function<void()> what);
  /// At the node, once it is awake; never when it is gone.
  void on(const node_ptr& who, microseconds when, std::function<void()> what);
  void run_until(microseconds end);

  node_ptr make_node();
  void start(const node_ptr& who);
  [[nodiscard]] entity::instant local(const node& who) const;
  template <class F>
  void step(const node_ptr& who, F input);
  void wake_in_time(const node_ptr& who);

  void heed(const node_ptr& who, entity::keeper_outputs out);
  void act(const node_ptr& who, entity::join_call& call);
  void act(const node_ptr& who, entity::leave_call& call);
  void act(const node_ptr& who, entity::take_call& call);
  void act(const node_ptr& who, entity::keep_call& call);
  void act(const node_ptr& who, entity::give_call& call);
  void act(const node_ptr& who, entity::shard_opened& what);
  void act(const node_ptr& who, entity::shard_wanted& what);
  void act(const node_ptr& who, entity::shard_closed& what);
  void act(const node_ptr&, entity::table_changed&) {}
  /// Takes `apply` to the store and what it says back, or loses one of them.
  template <class T>
  void call(const node_ptr& who, std::function<void(reply<T>)> apply,
            std::function<void(result<T>)> answer);

  void work(const node_ptr& who);
  void write(const std::string& who, shard_number shard, std::uint64_t epoch);
  void trouble();
  void freeze(node& who);
  void kill(std::size_t which);

  void check_owners();
  void check_all_is_well();
  void wrong(std::string what);

  bool happens(double probability);
  std::uint64_t pick(std::uint64_t count) { return chance_() % count; }
  microseconds between(microseconds least, microseconds most);

  const world_config config_;
  std::mt19937_64 chance_;
  microseconds now_{1h};
  std::uint64_t events_made_ = 0;
  std::priority_queue<event> events_;
  std::unique_ptr<memory_lease_store> store_;
  bool is_rough_ = true;
  microseconds store_back_{0};
  int nodes_made_ = 0;
  std::vector<node_ptr> nodes_;                         ///< those that were not killed
  std::array<std::uint64_t, limits::shards> granted_{}; ///< the highest epoch of each
  struct ownership {
    std::uint64_t epoch = 0;
    std::string by;
  };
  std::array<ownership, limits::shards> opened_{};   ///< the last
  std::array<std::uint64_t, limits::shards> done_{}; ///< the count of the last owner
  tally tally_;
};

} // namespace troupe::entity_sim
