// Goal: in a cluster keys are found wherever they are, move unseen, and limits stay exact while
// they do. Method: three real masters; the slot of the limits is moved as redis-cli does it, by ASK
// and then MOVED, while stores ask; and all of them are killed and started.
#include "tests/contract/shared/shared_fixture.hpp"

#include <atomic>
#include <thread>

namespace troupe::test {
namespace {

using enum limit_kind;

class redis_cluster : public shared_suite {
protected:
  void TearDown() override {
    if (!IsSkipped()) say("spread");
  }
};
INSTANTIATE_TEST_SUITE_P(on, redis_cluster, ::testing::Values(shared_by::redis_cluster),
                         adapter_name);

TEST_P(redis_cluster, keys_on_every_node_are_found) {
  auto writer = open(), reader = open();
  for (int n = 0; n < 100; ++n)
    value_of(put(*writer.sessions, "k" + std::to_string(n), "v" + std::to_string(n)));
  for (int n = 0; n < 100; ++n)
    EXPECT_EQ(value_of(get(*reader.sessions, "k" + std::to_string(n))),
              found("v" + std::to_string(n)));
}

TEST_P(redis_cluster, a_slot_that_moves_is_followed_by_ask_and_by_moved) {
  auto node = open(), other = open();
  const std::string before = "{limits}before", while_it_moves = "{limits}while"; // the slot's
  value_of(put(*node.sessions, before, "1"));
  say("asking");
  say("forget");
  EXPECT_EQ(value_of(get(*other.sessions, before)), found("1"));
  value_of(put(*node.sessions, while_it_moves, "2"));
  EXPECT_EQ(value_of(get(*other.sessions, while_it_moves)), found("2"));
  say("moved");
  for (auto* each : {&node, &other}) {
    EXPECT_EQ(value_of(get(*each->sessions, before)), found("1"));
    EXPECT_EQ(value_of(get(*each->sessions, while_it_moves)), found("2"));
  }
  value_of(revoke(*node.sessions, {before}));
  EXPECT_EQ(value_of(get(*other.sessions, before)), revoked);
}

TEST_P(redis_cluster, limits_wait_while_their_slot_moves_and_stay_exact) {
  std::vector<redis_stores> nodes;
  for (int n = 0; n < 4; ++n) nodes.push_back(open());
  const auto each = want("s", requests, 100, 1h);
  for (int n = 0; n < 30; ++n) value_of(reserve(*nodes[0].limits, std::to_string(n), {each}));
  say("asking");
  EXPECT_TRUE(fails_with(reserve(*nodes[1].limits, "while", {each}), errc::unavailable));
  std::atomic<int> granted = 0;
  std::vector<std::jthread> asking;
  for (int t = 0; t < 16; ++t)
    asking.emplace_back([&, t] {
      auto& limits = *nodes[static_cast<std::size_t>(t) % 4].limits;
      for (int n = 0; n < 20; ++n) {
        const auto id = std::to_string(t) + '-' + std::to_string(n);
        auto said = reserve(limits, id, {each});
        for (; !said; said = reserve(limits, id, {each})) std::this_thread::sleep_for(5ms);
        granted += said->granted ? 1 : 0;
      }
    });
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(granted, 0);
  say("moved");
  asking.clear();
  EXPECT_EQ(granted, 70);
  value_of(settle(*nodes[2].limits, "7", {0}));
  EXPECT_TRUE(value_of(reserve(*nodes[3].limits, "after", {each})).granted);
}

TEST_P(redis_cluster, it_heals_when_all_of_it_was_away) {
  auto node = open();
  value_of(put(*node.sessions, "k", "v"));
  say("kill");
  (void)get(*node.sessions, "k");
  EXPECT_TRUE(fails_with(get(*node.sessions, "k"), errc::unavailable));
  say("start");
  const auto began = steady::now();
  for (int n = 0; n < 30;) {
    n = get(*node.sessions, "k" + std::to_string(n)) ? n + 1 : 0;
    if (n == 0) std::this_thread::sleep_for(10ms);
    ASSERT_LT(steady::now() - began, 10s);
  }
  EXPECT_LT(steady::now() - began, 3s);
}

} // namespace
} // namespace troupe::test
