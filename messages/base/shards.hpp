#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Which shard a key belongs to, and which node should hold a shard. Pure, and the same in every
/// build and on every machine: brokers and nodes must agree without asking each other.
namespace troupe {

namespace limits {
inline constexpr std::size_t shards = 128;     ///< of a service; fixed: keys hash to them
inline constexpr std::size_t shard_nodes = 64; ///< among which a service's shards are spread
} // namespace limits

/// A shard of a service: 0 to limits::shards - 1.
using shard_number = std::uint16_t;

/// 64 bits of FNV-1a (offset basis 0xCBF29CE484222325, prime 0x100000001B3) over the bytes, then
/// the 64-bit finaliser of MurmurHash3, because FNV's low bits alone are weak. Not for secrets: who
/// chooses the keys can choose their shard.
[[nodiscard]] std::uint64_t stable_hash(std::string_view bytes) noexcept;

/// stable_hash(key) modulo limits::shards.
[[nodiscard]] shard_number shard_of(std::string_view key) noexcept;

/// Where the shards of a service should be.
struct shard_table {
  std::vector<std::string> nodes;                     ///< sorted, each once
  std::array<std::uint16_t, limits::shards> owners{}; ///< index into nodes; all 0 without nodes
  [[nodiscard]] std::string_view node_of(shard_number shard) const noexcept {
    return nodes.empty() ? std::string_view() : std::string_view(nodes[owners[shard]]);
  }
  bool operator==(const shard_table&) const = default;
};

/// Rendezvous hashing with a bounded load: each shard, in their order, goes to the node that weighs
/// most for it and has room; a node has room for `load_percent` of an even share, rounded up. The
/// same set of names gives the same table, in whatever order they come, and a node that joins or
/// leaves moves little more than its own shards (tests/unit/messages/shards_test.cpp has the
/// figures). Names count once; past limits::shard_nodes the last in the order of their bytes are
/// left out. A load_percent below 100 is taken for 100. Some 100 µs for 64 nodes.
[[nodiscard]] shard_table assign_shards(std::vector<std::string> names,
                                        unsigned load_percent = 125);

} // namespace troupe
