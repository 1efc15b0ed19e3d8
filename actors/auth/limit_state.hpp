#pragma once

#include "actors/ports/limit_book.hpp"
#include "messages/limits.hpp"

/// A shard's counters as what its owner saves, and back. Pure; times are milliseconds of the
/// caller's clock.
namespace troupe::limit_rules {

/// Forgets what counts no more.
void forget_old(limit_book& book, std::int64_t now);

/// Takes down what counts.
[[nodiscard]] limit_shard_state state_of(const limit_book& book, std::int64_t now);

/// Makes a state that is too large smaller, a step from 0 after the other, so that nothing passes
/// that would not have before: without reservations that hold no stream (they cannot be settled any
/// more, and count as they were reserved), then without any (streams are reserved anew), then with
/// all that a counter has in its newest bucket (it counts longer).
inline constexpr int shortenings = 3;
void shorten(limit_shard_state& state, int step);

/// The book of a state that was saved `saved_ago` ms before `now`, perhaps by another machine,
/// whose clock began elsewhere. Where that does not come out even, things count up to a bucket
/// longer than they need. What cannot be understood is left out.
[[nodiscard]] limit_book book_of(const limit_shard_state& in, std::int64_t now,
                                 std::int64_t saved_ago);

} // namespace troupe::limit_rules
