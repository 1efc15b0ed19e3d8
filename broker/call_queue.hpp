#pragma once

#include "broker/envelope.hpp"

#include <array>
#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace troupe::wire {

struct queue_bounds {
  std::size_t calls = 10'000;
  std::size_t bytes = 64u << 20;         ///< of their bodies
  std::size_t calls_of_a_caller = 1'000; ///< so that one cannot fill it
};

/// A call that waits for a worker.
struct waiting_call {
  call_id cid;
  std::string caller; ///< who asks; all without one are one
  std::uint8_t priority = 2;
  instant deadline{}, since{};
  std::size_t bytes = 0;
};

/// What waits for a service. Control goes first; of the other priorities each gets its share of the
/// slots that become free, batch a twentieth while others wait. Within a priority callers take
/// turns, so that one with many calls does not hold the others up (fair queueing: Nagle, RFC 970).
/// When it is full, what has the lowest priority and cannot be served in time makes room.
class call_queue {
public:
  explicit call_queue(const queue_bounds& bounds) : bounds_(bounds) {}

  enum class verdict : std::uint8_t {
    taken,
    full,
    callers_fill, ///< this caller has enough waiting
  };
  /// Those that had to make room are appended to `out`; they do not wait any more.
  [[nodiscard]] verdict push(waiting_call call, instant now, std::vector<call_id>& out);
  /// Whose turn it is.
  [[nodiscard]] std::optional<call_id> pop();
  void erase(const call_id& cid);
  /// All that waits, in no order; nothing does any more.
  [[nodiscard]] std::vector<call_id> clear();

  [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// How many wait, of each priority.
  [[nodiscard]] const std::array<std::size_t, 4>& by_priority() const noexcept {
    return by_priority_;
  }
  /// For how long the oldest has waited; 0 when none does.
  [[nodiscard]] instant::duration age(instant now) const;

private:
  struct caller_line {
    std::string caller;
    std::list<call_id> calls; ///< oldest first
  };
  using caller_lines = std::list<caller_line>; ///< the first is the next
  struct level {
    caller_lines lines;
    std::unordered_map<std::string, caller_lines::iterator> by_caller;
    int due = 0; ///< of smooth weighted round-robin
  };
  struct entry {
    waiting_call call;
    caller_lines::iterator line;
    std::list<call_id>::iterator place;
  };
  /// The first to make room: the lowest priority, of that the nearest to its deadline.
  using rank = std::tuple<int, instant, call_id>;
  [[nodiscard]] static rank rank_of(const waiting_call& c) {
    return {-c.priority, c.deadline, c.cid};
  }

  [[nodiscard]] std::optional<std::vector<call_id>> who_yields(const waiting_call& fresh,
                                                               instant now) const;
  [[nodiscard]] bool must_yield(const waiting_call& old, const waiting_call& fresh,
                                instant now) const;
  [[nodiscard]] level* next_level();

  const queue_bounds bounds_;
  std::array<level, 4> levels_;
  std::unordered_map<call_id, entry> waiting_;
  std::unordered_map<std::string, std::size_t> of_caller_;
  std::set<rank> ranks_;
  std::set<std::pair<instant, call_id>> ages_;
  std::size_t bytes_ = 0;
  std::array<std::size_t, 4> by_priority_{};
};

} // namespace troupe::wire
