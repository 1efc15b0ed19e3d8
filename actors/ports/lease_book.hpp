#pragma once

#include "actors/ports/lease_store.hpp"

#include <algorithm>
#include <utility>

/// The decisions of lease_store over one shard's row that is at hand, whoever keeps it. Pure. What
/// calls carry was checked before (lease_rules.hpp).
namespace troupe::lease_rules {

/// The store's clock.
struct lease_time {
  std::int64_t ms = 0;
  std::string era = {};      ///< what the clock counts within; times of another era are over
  std::int64_t wall_ms = ms; ///< since 1970, where eras change: how far apart they are
  bool operator==(const lease_time&) const = default;
};

/// A shard of a service. Rows are never deleted, so that epochs are never used twice. The state is
/// kept beside it.
struct lease_row {
  std::uint64_t epoch = 0; ///< of the last lease; 0: there was none
  std::string holder;      ///< whose it is or was
  std::int64_t until = 0;  ///< when it runs out
  std::string era;         ///< of `until`
  bool released = true;    ///< it was given up, or there was none
  bool complete = true;    ///< the saved state knows all that was done before it was saved
  std::string wanted_by;   ///< who was refused last; empty: nobody
  lease_time saved;        ///< when the state was; all 0: it was not
  bool operator==(const lease_row&) const = default;
};

[[nodiscard]] inline bool is_live(const lease_row& row, const lease_time& now) {
  return !row.released && row.era == now.era && row.until > now.ms;
}

/// Late calls come in any order: none makes a lease shorter.
inline void lengthen(lease_row& row, const lease_time& now, std::chrono::milliseconds ttl) {
  row.until = std::max(row.until, now.ms + ttl.count());
}

/// A state that was saved before the machine started is as old as the wall clock says.
[[nodiscard]] inline std::chrono::milliseconds saved_ago(const lease_row& row,
                                                         const lease_time& now) {
  if (row.saved == lease_time{}) return {};
  const auto ms =
      row.saved.era == now.era ? now.ms - row.saved.ms : now.wall_ms - row.saved.wall_ms;
  return std::chrono::milliseconds(std::max<std::int64_t>(ms, 0));
}

inline void save(lease_row& row, const lease_time& now) {
  row.saved = now;
  row.complete = true;
}

/// The verdict without the state.
[[nodiscard]] inline lease_verdict take(lease_row& row, shard_number shard, const std::string& node,
                                        const lease_time& now, std::chrono::milliseconds ttl) {
  lease_verdict out;
  out.shard = shard;
  const bool live = is_live(row, now);
  if (live && row.holder != node) {
    row.wanted_by = node;
    out.holder = row.holder;
    out.remaining = std::chrono::milliseconds(row.until - now.ms);
    return out;
  }
  if (!live)
    row = {row.epoch + 1, node, now.ms, now.era, false, row.released && row.complete, {},
           row.saved};
  lengthen(row, now, ttl);
  out.saved_ago = saved_ago(row, now);
  out.granted = true;
  out.epoch = row.epoch;
  out.was_released = row.complete;
  return out;
}

/// Whether the state is to be saved is said by `kept`.
[[nodiscard]] inline lease_kept keep(lease_row& row, const lease_hold& hold,
                                     const std::string& node, const lease_time& now,
                                     std::chrono::milliseconds ttl) {
  const bool ours = is_live(row, now) && row.holder == node && row.epoch == hold.epoch;
  if (!ours) return {hold.shard, false, false};
  lengthen(row, now, ttl);
  if (hold.state) save(row, now);
  return {hold.shard, true, !row.wanted_by.empty()};
}

enum class given : std::uint8_t { now, before, not_ours };

/// The state is to be saved when it is given up `now`.
[[nodiscard]] inline given give(lease_row& row, const lease_hold& hold, const std::string& node,
                                const lease_time& now) {
  if (row.holder != node || row.epoch != hold.epoch) return given::not_ours;
  if (row.released) return given::before;
  row.released = true;
  row.wanted_by.clear();
  if (hold.state) save(row, now);
  return given::now;
}

[[nodiscard]] inline bool holds(const lease_row& row, const lease_fence& fence) {
  if (!row.released) return row.epoch == fence.epoch;
  if (fence.passes == lease_fence::also::while_free) return row.epoch >= fence.epoch;
  return row.epoch == fence.epoch && fence.passes == lease_fence::also::until_taken;
}

} // namespace troupe::lease_rules
