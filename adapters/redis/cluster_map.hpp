#pragma once

#include "adapters/redis/resp.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the Redis Cluster specification says about keys, slots and redirections. Pure.
namespace troupe::redis {

inline constexpr std::uint16_t slots_count = 16384;

/// A node's address.
struct endpoint {
  std::string host;
  std::uint16_t port = 0;

  auto operator<=>(const endpoint&) const = default;
};

/// The slot of a key: of its hash tag, the text between the first `{` and the next `}`, if it has
/// one that is not empty.
[[nodiscard]] std::uint16_t slot_of(std::string_view key) noexcept;

/// `MOVED 3999 127.0.0.1:6381` and `ASK …`.
struct redirection {
  bool ask = false; ///< for this command only
  std::uint16_t slot = 0;
  endpoint to;
};
/// Nothing when the error is no redirection. A missing host is `asked`, the one that said it.
[[nodiscard]] std::optional<redirection> redirection_of(std::string_view error,
                                                        const std::string& asked);

/// Slots `first` to `last` belong to this master.
struct slot_range {
  std::uint16_t first = 0, last = 0;
  endpoint master;
};
/// The answer of CLUSTER SLOTS, without what is none; empty when it is an error.
[[nodiscard]] std::vector<slot_range> slots_of(const value& answer, const std::string& asked);

} // namespace troupe::redis
