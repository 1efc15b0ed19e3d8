#pragma once

#include "broker/node_events.hpp"

#include <algorithm>
#include <set>
#include <vector>

namespace troupe::wire {

/// Calls that lost their way, and when they look again: all at once, every so often.
class search_list {
public:
  explicit search_list(std::chrono::milliseconds every) : every_(every) {}

  /// False: it is there already.
  bool add(instant now, const call_id& cid) {
    next_ = std::min(next_, now + every_);
    return calls_.insert(cid).second;
  }
  void remove(const call_id& cid) { calls_.erase(cid); }
  void clear() { calls_.clear(); }
  [[nodiscard]] bool contains(const call_id& cid) const { return calls_.contains(cid); }

  /// There may be a way now.
  void hurry(instant now) {
    if (!calls_.empty()) next_ = now;
  }
  [[nodiscard]] instant due() const noexcept { return next_; }
  /// All of them when it is time, else none.
  [[nodiscard]] std::vector<call_id> take_due(instant now) {
    if (now < next_) return {};
    next_ = calls_.empty() ? instant::max() : now + every_;
    return {calls_.begin(), calls_.end()};
  }

private:
  const std::chrono::milliseconds every_;
  std::set<call_id> calls_;
  instant next_ = instant::max();
};

/// The ids of those that are at home there; a list, for what follows may end some.
template <class Calls>
[[nodiscard]] std::vector<call_id> calls_at(const Calls& calls, link_id home) {
  std::vector<call_id> out;
  for (const auto& [cid, c] : calls)
    if (c.home == home) out.push_back(cid);
  return out;
}

} // namespace troupe::wire
