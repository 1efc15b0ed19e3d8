// Goal: the contract of lease_store: one owner a shard, epochs that only rise, states that survive
// their owner. Method: the same suite on every adapter, on real servers where there are any; leases
// of a second where time must pass, long ones where it must not matter.
#include "actors/ports/lease_rules.hpp"
#include "tests/contract/leases/lease_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>

namespace troupe::test {
namespace {

class lease_store_contract : public lease_suite {
protected:
  void SetUp() override {
    lease_suite::SetUp();
    if (!IsSkipped()) store_ = open();
  }
  lease_store& store() { return *store_; }

private:
  std::shared_ptr<lease_store> store_;
};
INSTANTIATE_TEST_SUITE_P(on, lease_store_contract,
                         ::testing::Values(leases_on::memory, leases_on::sqlite, leases_on::mariadb,
                                           leases_on::postgresql),
                         adapter_name);

std::vector<shard_number> all_shards() {
  std::vector<shard_number> out(limits::shards);
  std::iota(out.begin(), out.end(), shard_number{0});
  return out;
}

TEST_P(lease_store_contract, a_shard_that_nobody_had_begins_with_epoch_one_and_no_state) {
  const auto said = take_one(store(), "a", 7);
  EXPECT_TRUE(said.granted);
  EXPECT_EQ(said.shard, 7);
  EXPECT_EQ(said.epoch, 1u);
  EXPECT_EQ(said.state, "");
  EXPECT_TRUE(said.was_released);
  EXPECT_EQ(said.saved_ago, 0ms);
}

TEST_P(lease_store_contract, another_node_is_told_who_has_the_shard_and_for_how_long) {
  value_of(take(store(), "a", {0}, 10s));
  const auto said = take_one(store(), "b");
  EXPECT_FALSE(said.granted);
  EXPECT_EQ(said.holder, "a");
  EXPECT_GT(said.remaining, 5s);
  EXPECT_LE(said.remaining, 10s);
  EXPECT_EQ(said.epoch, 0u);
}

TEST_P(lease_store_contract, who_has_a_shard_takes_it_again_with_the_same_epoch) {
  value_of(take(store(), "a", {0}, 30s));
  const auto again = take_one(store(), "a", 0, 1s);
  EXPECT_TRUE(again.granted);
  EXPECT_EQ(again.epoch, 1u);
  EXPECT_GT(take_one(store(), "b").remaining, 20s) << "a lease became shorter";
}

TEST_P(lease_store_contract, an_owner_is_told_that_another_wants_its_shard) {
  value_of(take(store(), "a", {0, 1}));
  EXPECT_FALSE(keep_one(store(), "a", {0, 1}).wanted);
  EXPECT_FALSE(take_one(store(), "b").granted);
  const auto kept = value_of(keep(store(), "a", {{1, 1}, {0, 1}}));
  EXPECT_FALSE(kept.at(0).wanted) << "the other shard";
  EXPECT_TRUE(kept.at(1).wanted);
  EXPECT_EQ(kept.at(1).shard, 0) << "in the order of the call";
  EXPECT_TRUE(give_one(store(), "a", {0, 1}));
  EXPECT_EQ(take_one(store(), "b").epoch, 2u);
  EXPECT_FALSE(keep_one(store(), "b", {0, 2}).wanted) << "it is forgotten with the lease";
}

TEST_P(lease_store_contract, a_lease_that_is_kept_lasts_and_one_that_is_not_runs_out) {
  value_of(take(store(), "a", {0, 1}, 1s));
  std::this_thread::sleep_for(600ms);
  EXPECT_TRUE(keep_one(store(), "a", {0, 1}, 1s).kept);
  std::this_thread::sleep_for(600ms);
  EXPECT_FALSE(take_one(store(), "b", 0).granted);
  const auto other = take_one(store(), "b", 1);
  EXPECT_TRUE(other.granted);
  EXPECT_EQ(other.epoch, 2u);
  EXPECT_FALSE(other.was_released);
}

TEST_P(lease_store_contract, a_lease_that_ran_out_is_lost_even_if_nobody_took_it) {
  value_of(take(store(), "a", {0}, 1s));
  std::this_thread::sleep_for(1100ms);
  EXPECT_FALSE(keep_one(store(), "a", {0, 1, "late"}).kept);
  const auto again = take_one(store(), "a");
  EXPECT_EQ(again.epoch, 2u) << "a new ownership, though it is the same node";
  EXPECT_EQ(again.state, "") << "it was lost and saved";
  EXPECT_FALSE(again.was_released);
}

TEST_P(lease_store_contract, a_state_is_saved_with_a_keep_and_with_a_give) {
  value_of(take(store(), "a", {0, 1, 2}));
  value_of(keep(store(), "a", {{0, 1, "one"}, {1, 1, "two"}, {2, 1}}));
  value_of(keep(store(), "a", {{0, 1}, {1, 1, ""}, {2, 1, "three"}}));
  EXPECT_TRUE(value_of(give(store(), "a", {{0, 1}, {1, 1}, {2, 1, "last"}})).empty());
  const auto said = value_of(take(store(), "b", {0, 1, 2}));
  EXPECT_EQ(said.at(0).state, "one");
  EXPECT_EQ(said.at(1).state, "");
  EXPECT_EQ(said.at(2).state, "last");
  for (const auto& each : said) EXPECT_TRUE(each.was_released);
}

TEST_P(lease_store_contract, a_state_is_any_bytes_of_at_most_256_KiB) {
  std::string bytes;
  while (bytes.size() < limits::lease_state_bytes) bytes += static_cast<char>(bytes.size() % 256);
  value_of(take(store(), "a", {0}));
  EXPECT_TRUE(keep_one(store(), "a", {0, 1, bytes}).kept);
  EXPECT_TRUE(take_one(store(), "a").state == bytes);
  EXPECT_TRUE(
      fails_with(keep(store(), "a", {{0, 1, bytes + 'x'}}), errc::invalid_argument, "state"));
}

TEST_P(lease_store_contract, a_state_says_how_old_it_is) {
  value_of(take(store(), "a", {0}));
  value_of(keep(store(), "a", {{0, 1, "s"}}));
  std::this_thread::sleep_for(300ms);
  EXPECT_TRUE(give_one(store(), "a", {0, 1}));
  const auto said = take_one(store(), "b");
  EXPECT_GE(said.saved_ago, 299ms);
  EXPECT_LT(said.saved_ago, 10s);
}

TEST_P(lease_store_contract, only_the_owner_with_its_epoch_keeps_and_gives) {
  value_of(take(store(), "a", {0}));
  EXPECT_FALSE(keep_one(store(), "a", {0, 2, "x"}).kept) << "an epoch of the future";
  EXPECT_FALSE(keep_one(store(), "b", {0, 1, "x"}).kept);
  EXPECT_FALSE(give_one(store(), "b", {0, 1, "x"}));
  EXPECT_FALSE(give_one(store(), "a", {0, 2, "x"}));
  EXPECT_FALSE(keep_one(store(), "a", {1, 1, "x"}).kept) << "a shard that nobody took";
  EXPECT_TRUE(give_one(store(), "a", {0, 1}));
  EXPECT_EQ(take_one(store(), "b").epoch, 2u);
  EXPECT_FALSE(keep_one(store(), "a", {0, 1, "x"}).kept);
  EXPECT_FALSE(give_one(store(), "a", {0, 1, "x"}));
  EXPECT_TRUE(keep_one(store(), "b", {0, 2}).kept);
  EXPECT_EQ(take_one(store(), "b").state, "");
}

TEST_P(lease_store_contract, a_give_may_be_repeated_and_saves_its_state_once) {
  value_of(take(store(), "a", {0}));
  EXPECT_TRUE(give_one(store(), "a", {0, 1, "first"}));
  EXPECT_TRUE(give_one(store(), "a", {0, 1, "second"}));
  EXPECT_FALSE(keep_one(store(), "a", {0, 1, "third"}).kept) << "what was given is not kept";
  EXPECT_EQ(take_one(store(), "b").state, "first");
}

TEST_P(lease_store_contract, an_owner_that_overslept_may_give_as_long_as_nobody_took) {
  value_of(take(store(), "a", {0, 1}, 1s));
  std::this_thread::sleep_for(1100ms);
  EXPECT_EQ(take_one(store(), "b", 1).epoch, 2u);
  EXPECT_EQ(value_of(give(store(), "a", {{0, 1, "mine"}, {1, 1, "mine"}})),
            std::vector<shard_number>{1});
  const auto said = take_one(store(), "b", 0);
  EXPECT_TRUE(said.was_released);
  EXPECT_EQ(said.state, "mine");
  EXPECT_EQ(take_one(store(), "b", 1).state, "");
}

TEST_P(lease_store_contract, a_crash_is_told_until_an_owner_has_saved_what_it_made_of_it) {
  value_of(take(store(), "a", {0, 1, 2}, 1s));
  value_of(keep(store(), "a", {{0, 1, "old"}, {1, 1, "old"}, {2, 1, "old"}}, 1s));
  std::this_thread::sleep_for(1100ms);
  for (const auto& each : value_of(take(store(), "b", {0, 1, 2}))) {
    EXPECT_FALSE(each.was_released);
    EXPECT_EQ(each.state, "old");
  }
  value_of(keep(store(), "b", {{1, 2, "new"}}));
  value_of(give(store(), "b", {{0, 2}, {1, 2}, {2, 2, "new"}}));
  const auto said = value_of(take(store(), "c", {0, 1, 2}));
  EXPECT_FALSE(said.at(0).was_released) << "given up, but nothing was saved since the crash";
  EXPECT_TRUE(said.at(1).was_released);
  EXPECT_TRUE(said.at(2).was_released);
}

TEST_P(lease_store_contract, epochs_rise_also_when_all_leases_were_given_up) {
  for (std::uint64_t n = 1; n <= 5; ++n) {
    const auto said = take_one(store(), n % 2 == 0 ? "a" : "b");
    EXPECT_EQ(said.epoch, n);
    EXPECT_TRUE(give_one(store(), n % 2 == 0 ? "a" : "b", {0, n}));
  }
}

TEST_P(lease_store_contract, all_shards_go_in_one_call_and_answers_keep_its_order) {
  auto shards = all_shards();
  value_of(take(store(), "a", {5, 100}));
  std::ranges::reverse(shards);
  const auto said = value_of(take(store(), "b", shards));
  ASSERT_EQ(said.size(), shards.size());
  for (std::size_t n = 0; n < said.size(); ++n) {
    EXPECT_EQ(said[n].shard, shards[n]);
    EXPECT_EQ(said[n].granted, shards[n] != 5 && shards[n] != 100) << shards[n];
  }
}

TEST_P(lease_store_contract, services_have_shards_of_their_own) {
  value_of(take(store(), "a", {0}));
  const auto other = value_of(ask<std::vector<lease_verdict>>(
      [&](auto r) { store().take("Limits/v1", "b", {0}, 30s, std::move(r)); }));
  EXPECT_TRUE(other.at(0).granted) << "names are compared byte by byte";
}

TEST_P(lease_store_contract, the_members_are_who_joined_and_neither_left_nor_fell_silent) {
  EXPECT_EQ(value_of(join(store(), "c")), std::vector<std::string>{"c"});
  value_of(join(store(), "b", 1s));
  EXPECT_EQ(value_of(join(store(), "Z")), (std::vector<std::string>{"Z", "b", "c"}));
  std::this_thread::sleep_for(1100ms);
  EXPECT_EQ(value_of(join(store(), "c")), (std::vector<std::string>{"Z", "c"}));
  value_of(leave(store(), "Z"));
  value_of(leave(store(), "nobody"));
  EXPECT_EQ(value_of(join(store(), "c")), std::vector<std::string>{"c"});
  EXPECT_EQ(value_of(join(store(), "b")), (std::vector<std::string>{"b", "c"})) << "back again";
}

TEST_P(lease_store_contract, at_most_64_members_are_told_and_all_are_told_the_same) {
  std::vector<std::string> names;
  for (int n = 0; n < 70; ++n) names.push_back("node" + std::to_string(100 + n));
  for (const auto& each : names) value_of(join(store(), each));
  names.resize(64);
  EXPECT_EQ(value_of(join(store(), "node100")), names);
  EXPECT_EQ(value_of(join(store(), "node169")), names);
}

TEST_P(lease_store_contract, calls_out_of_bounds_are_refused_and_name_what_is_wrong) {
  const std::string long_name(65, 'n');
  for (const auto& name : {std::string(), long_name, std::string("a b"), std::string("\x80")}) {
    EXPECT_TRUE(fails_with(take(store(), name, {0}), errc::invalid_argument, "node"));
    EXPECT_TRUE(fails_with(join(store(), name), errc::invalid_argument, "node"));
    EXPECT_TRUE(fails_with(leave(store(), name), errc::invalid_argument, "node"));
    EXPECT_TRUE(fails_with(ask<std::vector<lease_verdict>>(
                               [&](auto r) { store().take(name, "a", {0}, 30s, std::move(r)); }),
                           errc::invalid_argument, "service"));
  }
  EXPECT_TRUE(fails_with(take(store(), "a", {}), errc::invalid_argument, "shards"));
  EXPECT_TRUE(fails_with(take(store(), "a", {1, 1}), errc::invalid_argument, "shards"));
  EXPECT_TRUE(fails_with(take(store(), "a", {128}), errc::invalid_argument, "shards"));
  EXPECT_TRUE(fails_with(keep(store(), "a", {{3, 1}, {3, 1}}), errc::invalid_argument, "shards"));
  EXPECT_TRUE(fails_with(give(store(), "a", {{128, 1}}), errc::invalid_argument, "shards"));
  EXPECT_TRUE(fails_with(keep(store(), "a", {{0, 0}}), errc::invalid_argument, "epoch"));
  EXPECT_TRUE(fails_with(take(store(), "a", {0}, 999ms), errc::invalid_argument, "ttl"));
  EXPECT_TRUE(fails_with(keep(store(), "a", {{0, 1}}, 61s), errc::invalid_argument, "ttl"));
  EXPECT_TRUE(fails_with(join(store(), "a", 0ms), errc::invalid_argument, "ttl"));
  EXPECT_TRUE(take_one(store(), std::string(64, '~'), 127, 60s).granted);
}

/// What threads of several nodes saw: who had what, and with which epochs.
struct ownerships {
  std::array<std::atomic<int>, 4> owners{};
  std::atomic<int> doubled = 0;
  std::mutex mutex;
  std::multiset<std::pair<shard_number, std::uint64_t>> epochs; // guarded by mutex

  void begin(const lease_verdict& of) {
    if (owners[of.shard].fetch_add(1) != 0) ++doubled;
    const std::lock_guard lock(mutex);
    epochs.emplace(of.shard, of.epoch);
  }
  void end(shard_number of) { --owners[of]; }
};

TEST_P(lease_store_contract, of_many_nodes_that_take_and_give_at_once_one_has_a_shard) {
  std::vector<std::shared_ptr<lease_store>> stores;
  while (stores.size() < 4) stores.push_back(open());
  ownerships seen;
  {
    std::vector<std::jthread> nodes;
    for (int n = 0; n < 16; ++n)
      nodes.emplace_back([&, n] {
        auto& in = *stores[static_cast<std::size_t>(n) % stores.size()];
        const auto node = "node" + std::to_string(n);
        std::vector<shard_number> shards{0, 1, 2, 3};
        for (int round = 0; round < 15; ++round) {
          std::ranges::rotate(shards, shards.begin() + (round + n) % 4);
          std::vector<lease_hold> had;
          for (const auto& each : value_of(take(in, node, shards))) {
            if (!each.granted) continue;
            seen.begin(each);
            had.push_back({each.shard, each.epoch, node});
          }
          if (had.empty()) continue;
          std::this_thread::yield();
          for (const auto& each : had) seen.end(each.shard);
          EXPECT_TRUE(value_of(give(in, node, had)).empty());
        }
      });
  }
  EXPECT_EQ(seen.doubled, 0);
  const std::set<std::pair<shard_number, std::uint64_t>> distinct(seen.epochs.begin(),
                                                                  seen.epochs.end());
  EXPECT_EQ(distinct.size(), seen.epochs.size()) << "an epoch was used twice";
  EXPECT_GE(seen.epochs.size(), 15u) << "too little happened";
  for (const auto shard : {0, 1, 2, 3}) {
    const auto last = take_one(store(), "last", static_cast<shard_number>(shard));
    const auto count = std::ranges::count(seen.epochs, shard, [](auto& e) { return e.first; });
    EXPECT_EQ(last.epoch, static_cast<std::uint64_t>(count) + 1) << "an epoch was left out";
  }
}

TEST(memory_leases, a_fence_lets_only_the_present_owner_pass) {
  const auto in = make_memory_lease_store();
  const auto verdict = [&](const char* node) {
    return value_of(ask<std::vector<lease_verdict>>(
                        [&](auto r) { in->take("s", node, {3}, 30s, std::move(r)); }))
        .at(0);
  };
  EXPECT_TRUE(fails_with(in->check({"s", 3, 0}), errc::conflict)) << "before anybody had it";
  verdict("a");
  EXPECT_TRUE(in->check({"s", 3, 1}));
  EXPECT_TRUE(fails_with(in->check({"s", 3, 2}), errc::conflict));
  EXPECT_TRUE(fails_with(in->check({"t", 3, 1}), errc::conflict));
  value_of(ask<std::vector<shard_number>>(
      [&](auto r) { in->give("s", "a", {{3, 1, {}}}, std::move(r)); }));
  EXPECT_EQ(in->check({"s", 3, 1}).error().reason, "not_owner");
  using enum lease_fence::also;
  EXPECT_TRUE(in->check({"s", 3, 1, until_taken})) << "given, and nobody has taken it";
  EXPECT_TRUE(in->check({"s", 3, 1, while_free}));
  EXPECT_FALSE(in->check({"s", 3, 2, until_taken}));
  EXPECT_FALSE(in->check({"s", 3, 2, while_free})) << "nobody had it yet";
  verdict("b");
  for (const auto passes : {nothing, until_taken, while_free})
    EXPECT_FALSE(in->check({"s", 3, 1, passes})) << "another one has it";
  EXPECT_TRUE(in->check({"s", 3, 2}));
  value_of(ask<std::vector<shard_number>>(
      [&](auto r) { in->give("s", "b", {{3, 2, {}}}, std::move(r)); }));
  EXPECT_FALSE(in->check({"s", 3, 1, until_taken}));
  EXPECT_TRUE(in->check({"s", 3, 1, while_free})) << "nobody has it";
}

TEST(memory_leases, past_its_bounds_the_store_says_that_it_is_overloaded) {
  const auto in = make_memory_lease_store();
  const auto take = [&](int n) {
    return ask<std::vector<lease_verdict>>(
        [&](auto r) { in->take("s" + std::to_string(n), "a", {0}, 30s, std::move(r)); });
  };
  for (int n = 0; n < 64; ++n) EXPECT_TRUE(take(n));
  EXPECT_TRUE(fails_with(take(64), errc::overloaded));
  EXPECT_TRUE(take(63));
  const auto join = [&](int n) {
    return ask<std::vector<std::string>>(
        [&](auto r) { in->join("s1", "n" + std::to_string(n), 30s, std::move(r)); });
  };
  for (int n = 0; n < 256; ++n) EXPECT_TRUE(join(n));
  EXPECT_TRUE(fails_with(join(256), errc::overloaded));
  EXPECT_TRUE(join(7));
}

} // namespace
} // namespace troupe::test
