#pragma once

#include "actors/ports/limit_book.hpp"
#include "messages/limits.hpp"

/// A shard's counters as what its owner saves, and back. Pure; times are milliseconds of the
/// caller's clock.
namespace troupe::limit_rules {

/// Forgets what counts no more, and takes the rest down.
[[nodiscard]] limit_shard_state state_of(limit_book& book, std::int64_t now);

/// The book of a state that was saved `saved_ago` ms before `now`, perhaps by another machine,
/// whose clock began elsewhere. Where that does not come out even, things count up to a bucket
/// longer than they need. What cannot be understood is left out.
[[nodiscard]] limit_book book_of(const limit_shard_state& in, std::int64_t now,
                                 std::int64_t saved_ago);

} // namespace troupe::limit_rules
