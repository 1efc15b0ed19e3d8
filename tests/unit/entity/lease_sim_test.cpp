// Goal: whatever freezes, dies, is lost or slow: never two owners of a shard at one time, epochs
// only rise, who wakes up late is refused by the fence, a state that counts as whole is whole, and
// when the trouble is over every shard is where it should be. Method: seeded runs of a whole small
// world in virtual time. A failure names its seed.
#include "tests/unit/entity/lease_world.hpp"

#include <gtest/gtest.h>
#include <cstdio>

namespace troupe::entity_sim {
namespace {

tally run(std::uint64_t seed) {
  return world({.seed = seed, .nodes = 3 + seed % 3}).run();
}

TEST(lease_sim, no_shard_has_two_owners_and_nothing_whole_is_lost) {
  tally all;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) all.add(run(seed));
  for (const auto& each : all.wrongs) ADD_FAILURE() << each;
  // The trouble was real.
  for (const auto count : {all.freezes, all.kills, all.drains, all.outages}) EXPECT_GT(count, 300);
  for (const auto count : {all.opened_whole, all.opened_after_crash, all.given, all.ran_out})
    EXPECT_GT(count, 10'000);
  EXPECT_GT(all.lost, 100);
  EXPECT_GT(all.refused_writes, 100);
  EXPECT_GT(all.writes, 100'000);
  std::printf(
      "opened whole %d, after a crash %d; given %d, lost %d, ran out %d; writes %d, refused "
      "%d; freezes %d, kills %d, drains %d, outages %d\n",
      all.opened_whole, all.opened_after_crash, all.given, all.lost, all.ran_out, all.writes,
      all.refused_writes, all.freezes, all.kills, all.drains, all.outages);
}

} // namespace
} // namespace troupe::entity_sim
