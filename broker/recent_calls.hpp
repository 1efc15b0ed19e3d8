#pragma once

#include "messages/base/ids.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <vector>

namespace troupe::wire {

/// The last calls that were added, in a table with room for `room` of them: of those of a bucket
/// the last four. So it knows nearly all of the last quarter of `room`, and fewer the older they
/// are; it never takes one for another. Touches one bucket each time, and takes its memory with the
/// first call.
class recent_calls {
public:
  explicit recent_calls(std::size_t room) : count_(std::bit_ceil(room / ways)) {}

  void add(const call_id& cid) {
    if (contains(cid)) return;
    if (buckets_.empty()) buckets_.resize(count_);
    auto& some = bucket_of(cid);
    std::shift_right(some.begin(), some.end(), 1);
    some.front() = cid;
  }
  void remove(const call_id& cid) {
    if (contains(cid)) std::ranges::replace(bucket_of(cid), cid, call_id{});
  }
  [[nodiscard]] bool contains(const call_id& cid) {
    return !buckets_.empty() && std::ranges::find(bucket_of(cid), cid) != bucket_of(cid).end();
  }

private:
  static constexpr std::size_t ways = 4;
  using bucket = std::array<call_id, ways>; ///< the last one first

  [[nodiscard]] bucket& bucket_of(const call_id& cid) {
    return buckets_[std::hash<call_id>{}(cid) >> 32 &
                    (count_ - 1)]; // its low bits are the counter's
  }

  const std::size_t count_;
  std::vector<bucket> buckets_;
};

} // namespace troupe::wire
