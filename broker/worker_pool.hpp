#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>

namespace troupe::wire {

using peer_id = std::string; ///< the connection, as the driver names it

/// Who serves a service, and how much each has in hand. Asking for the best costs the same whether
/// there are two or a thousand.
class worker_pool {
public:
  struct worker {
    peer_id id;
    std::uint32_t capacity = 0;
    std::uint32_t busy = 0;
    std::uint64_t used = 0; ///< the turn in which it last got a request, or came
    bool is_draining = false;
    bool is_stuck = false;     ///< it hangs, and lives
    bool is_declaring = false; ///< its methods' classes, so that it knows START
  };

  /// Makes one that is not there.
  void offer(const peer_id& id, std::uint32_t capacity, bool is_draining);
  void declare(const peer_id& id, bool is_declaring);
  void remove(const peer_id& id);
  void drain(const peer_id& id);
  /// Whether that is news.
  bool set_stuck(const peer_id& id, bool is_stuck);

  /// With the least in hand relative to its capacity; among equals the longest unused. Null when
  /// all are full, leave or hang.
  [[nodiscard]] const worker* best(const peer_id& except = {}) const;
  /// Also one that this broker did not give it, whatever its capacity.
  void take(const peer_id& id);
  void give_back(const peer_id& id);

  [[nodiscard]] const worker* find(const peer_id& id) const;
  /// Whether there is one that takes requests, be it full.
  [[nodiscard]] bool serves(const peer_id& except = {}) const;
  [[nodiscard]] bool declares(const peer_id& id) const;
  [[nodiscard]] bool all_declare() const noexcept { return declaring_ == all_.size(); }
  [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
  [[nodiscard]] const std::unordered_map<peer_id, worker>& all() const noexcept { return all_; }

private:
  struct rank {
    std::uint64_t load; ///< busy for each 2^32 of capacity
    std::uint64_t used;
    const worker* who; ///< turns differ, so that it never decides
    auto operator<=>(const rank&) const = default;
  };
  [[nodiscard]] static rank rank_of(const worker& w) noexcept;
  [[nodiscard]] static bool is_free(const worker& w) noexcept;
  template <class Change>
  void change(const peer_id& id, Change what);

  std::unordered_map<peer_id, worker> all_;
  std::set<rank> free_;     ///< may be given a request
  std::size_t serving_ = 0; ///< do not drain
  std::size_t declaring_ = 0;
  std::uint64_t turns_ = 0;
};

} // namespace troupe::wire
