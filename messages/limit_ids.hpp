#pragma once

#include "messages/base/op_context.hpp"
#include "messages/base/shards.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Names of reservations that say where they are counted: a UUID, `~`, and the shards (shards.hpp)
/// of the scopes, two hexadecimal digits each. So whoever settles or renews one finds its owners
/// without having asked anybody; a store that does not divide its counters takes it as any other
/// id.
namespace troupe {

/// For a reservation from the caps of this caller, and from its address if it has one.
[[nodiscard]] std::string make_reservation_id(const std::vector<usage_caps>& caps,
                                              std::string_view address);
/// What is behind the UUID of such an id.
[[nodiscard]] std::string reservation_shards(const std::vector<usage_caps>& caps,
                                             std::string_view address);

/// Ascending, without repetition; empty for an id that names none.
[[nodiscard]] std::vector<shard_number> shards_of_id(std::string_view id);

/// The scope under which requests of a client's address are counted.
[[nodiscard]] std::string address_scope(std::string_view address);

} // namespace troupe
