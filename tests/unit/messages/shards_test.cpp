// Goal: all nodes of all builds agree on a key's shard and a shard's node, loads stay bounded, and
// few shards move when a node joins or leaves. Method: published and pinned values, and many sets
// of names.
#include "messages/base/shards.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <numeric>
#include <random>

namespace troupe {
namespace {

std::vector<std::string> names_of(std::size_t count, std::uint64_t seed = 0) {
  std::vector<std::string> out;
  std::mt19937_64 chance(seed);
  for (std::size_t n = 0; n < count; ++n) out.push_back("node-" + std::to_string(chance()));
  return out;
}

std::vector<std::size_t> loads_of(const shard_table& table) {
  std::vector<std::size_t> out(table.nodes.size());
  for (const auto owner : table.owners) ++out.at(owner);
  return out;
}

std::size_t moved(const shard_table& from, const shard_table& to) {
  std::size_t out = 0;
  for (shard_number shard = 0; shard < limits::shards; ++shard)
    out += from.node_of(shard) != to.node_of(shard) ? 1u : 0u;
  return out;
}

/// The other half of stable_hash, undone: shows that the first half is FNV-1a.
std::uint64_t unmixed(std::uint64_t bits) {
  bits ^= bits >> 33;
  bits *= 0x9CB4B2F8129337DBull; // the inverses modulo 2^64
  bits ^= bits >> 33;
  bits *= 0x4F74430C22A54005ull;
  bits ^= bits >> 33;
  return bits;
}

TEST(shards, the_hash_is_fnv_1a_with_a_finaliser) {
  // The values that FNV's authors publish.
  EXPECT_EQ(unmixed(stable_hash("")), 0xCBF29CE484222325ull);
  EXPECT_EQ(unmixed(stable_hash("a")), 0xAF63DC4C8601EC8Cull);
  EXPECT_EQ(unmixed(stable_hash("foobar")), 0x85944171F73967E8ull);
}

TEST(shards, a_key_is_in_the_same_shard_for_ever) {
  EXPECT_EQ(shard_of(""), 38);
  EXPECT_EQ(shard_of("user:42"), 72);
  EXPECT_EQ(shard_of("conv_018f"), 66);
  EXPECT_EQ(shard_of(std::string_view("a\0\xff", 3)), 50) << "any bytes";
}

TEST(shards, keys_are_spread_evenly) {
  std::array<int, limits::shards> counts{};
  for (int n = 0; n < 128 * 1000; ++n) ++counts[shard_of("user:" + std::to_string(n))];
  EXPECT_GT(*std::ranges::min_element(counts), 850);
  EXPECT_LT(*std::ranges::max_element(counts), 1150);
}

TEST(shards, without_nodes_a_shard_is_nobodys) {
  EXPECT_EQ(assign_shards({}).node_of(0), "");
  EXPECT_EQ(assign_shards({"only"}).node_of(127), "only");
}

TEST(shards, a_set_of_names_gives_one_table_in_any_order) {
  auto names = names_of(9);
  const auto table = assign_shards(names);
  EXPECT_TRUE(std::ranges::is_sorted(table.nodes));
  std::mt19937 chance(7);
  for (int n = 0; n < 20; ++n) {
    std::ranges::shuffle(names, chance);
    auto doubled = names;
    doubled.push_back(names.front());
    EXPECT_EQ(assign_shards(doubled), table);
  }
  EXPECT_EQ(table.node_of(0), assign_shards(names).node_of(0));
}

TEST(shards, the_table_of_known_names_is_the_same_for_ever) {
  const auto table = assign_shards({"a", "b", "c"});
  const std::vector<std::uint16_t> first(table.owners.begin(), table.owners.begin() + 16);
  EXPECT_EQ(first, (std::vector<std::uint16_t>{2, 2, 0, 0, 2, 0, 1, 1, 2, 2, 0, 2, 2, 0, 2, 2}));
}

TEST(shards, no_node_has_more_than_its_share_and_a_quarter) {
  for (std::size_t nodes = 1; nodes <= limits::shard_nodes; ++nodes)
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto loads = loads_of(assign_shards(names_of(nodes, seed)));
      const auto most = (125 * limits::shards + 100 * nodes - 1) / (100 * nodes);
      EXPECT_LE(*std::ranges::max_element(loads), most) << nodes << " nodes";
      EXPECT_EQ(std::accumulate(loads.begin(), loads.end(), std::size_t{0}), limits::shards);
    }
  const auto even = loads_of(assign_shards(names_of(16), 100));
  EXPECT_EQ(*std::ranges::max_element(even), 8u) << "at 100 % all have the same";
}

TEST(shards, past_64_names_the_last_are_left_out) {
  auto names = names_of(70);
  const auto table = assign_shards(names);
  std::ranges::sort(names);
  names.resize(limits::shard_nodes);
  EXPECT_EQ(table.nodes, names);
}

TEST(shards, a_node_that_joins_or_leaves_moves_little_more_than_its_own_shards) {
  for (const std::size_t nodes : {2u, 3u, 5u, 8u, 16u, 32u, 64u}) {
    std::size_t worst = 0, all = 0;
    constexpr std::size_t runs = 200;
    for (std::uint64_t seed = 0; seed < runs; ++seed) {
      auto names = names_of(nodes, seed);
      const auto with = assign_shards(names);
      names.pop_back();
      const auto more = moved(assign_shards(names), with);
      worst = std::max(worst, more);
      all += more;
    }
    const auto most = (125 * limits::shards + 100 * nodes - 1) / (100 * nodes);
    std::printf("%2zu nodes: %.1f shards move, at worst %zu; a node has at most %zu\n", nodes,
                static_cast<double>(all) / runs, worst, most);
    EXPECT_LE(worst, most + 16);
  }
}

TEST(shards, a_table_of_64_nodes_is_made_in_less_than_a_millisecond) {
  const auto names = names_of(limits::shard_nodes);
  auto best = std::chrono::nanoseconds::max();
  for (int n = 0; n < 20; ++n) {
    const auto began = std::chrono::steady_clock::now();
    const auto table = assign_shards(names);
    const auto took = std::chrono::steady_clock::now() - began;
    ASSERT_EQ(table.nodes.size(), limits::shard_nodes);
    best = std::min(best, std::chrono::duration_cast<std::chrono::nanoseconds>(took));
  }
  EXPECT_LT(best, std::chrono::milliseconds(1));
}

} // namespace
} // namespace troupe
