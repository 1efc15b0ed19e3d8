#include "messages/base/shards.hpp"

#include <algorithm>

namespace troupe {
namespace {

/// Every bit of the input moves about half of the bits of the output.
constexpr std::uint64_t mixed(std::uint64_t bits) noexcept {
  bits ^= bits >> 33;
  bits *= 0xFF51AFD7ED558CCDull;
  bits ^= bits >> 33;
  bits *= 0xC4CEB9FE1A85EC53ull;
  bits ^= bits >> 33;
  return bits;
}

constexpr std::uint64_t weight_of(std::uint64_t node_hash, shard_number shard) noexcept {
  // Spread first: the hash of a node must not differ from another's in a shard's few bits alone.
  return mixed(node_hash ^ mixed(std::uint64_t{shard} + 1));
}

/// The shards that one of `nodes` may hold; together they hold all.
std::size_t room_of(std::size_t nodes, unsigned load_percent) noexcept {
  const std::size_t percent = std::max(load_percent, 100u);
  return (percent * limits::shards + 100 * nodes - 1) / (100 * nodes);
}

} // namespace

std::uint64_t stable_hash(std::string_view bytes) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325ull;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3ull;
  }
  return mixed(hash);
}

shard_number shard_of(std::string_view key) noexcept {
  return static_cast<shard_number>(stable_hash(key) % limits::shards);
}

shard_table assign_shards(std::vector<std::string> names, unsigned load_percent) {
  shard_table out;
  std::ranges::sort(names);
  const auto rest = std::ranges::unique(names);
  names.erase(rest.begin(), rest.end());
  if (names.size() > limits::shard_nodes) names.resize(limits::shard_nodes);
  out.nodes = std::move(names);
  if (out.nodes.empty()) return out;

  std::vector<std::uint64_t> hashes;
  for (const auto& name : out.nodes) hashes.push_back(stable_hash(name));
  std::vector<std::size_t> room(out.nodes.size(), room_of(out.nodes.size(), load_percent));
  for (std::size_t shard = 0; shard < limits::shards; ++shard) {
    std::size_t best = out.nodes.size();
    std::uint64_t most = 0;
    for (std::size_t node = 0; node < out.nodes.size(); ++node) {
      if (room[node] == 0) continue;
      const auto weight = weight_of(hashes[node], static_cast<shard_number>(shard));
      if (best != out.nodes.size() && weight <= most) continue;
      best = node;
      most = weight;
    }
    --room[best];
    out.owners[shard] = static_cast<std::uint16_t>(best);
  }
  return out;
}

} // namespace troupe
