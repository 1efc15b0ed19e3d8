// Goal: the worker with the least in hand for what it can take gets the next request, by turns
// among equals; who is full, leaves or hangs gets none. Method: the pure class, and a plain scan
// beside it.
#include "broker/worker_pool.hpp"

#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace troupe::wire {
namespace {

class pool : public testing::Test {
protected:
  std::string best(const peer_id& except = {}) {
    const auto* w = pool_.best(except);
    return w == nullptr ? "" : w->id;
  }
  std::string take() {
    const auto id = best();
    pool_.take(id);
    return id;
  }
  worker_pool pool_;
};

TEST_F(pool, equals_take_turns_and_the_full_get_none) {
  for (const char* id : {"a", "b", "c"}) pool_.offer(id, 2, false);
  std::string order;
  for (int n = 0; n < 7; ++n) order += take();
  EXPECT_EQ(order, "abcabc");
  pool_.give_back("b");
  EXPECT_EQ(take(), "b");
}

TEST_F(pool, what_counts_is_the_share_of_the_capacity) {
  pool_.offer("small", 2, false);
  pool_.offer("large", 8, false);
  int large = 0;
  for (int n = 0; n < 5; ++n) large += take() == "large";
  EXPECT_EQ(large, 4);
}

TEST_F(pool, another_one_than_that) {
  pool_.offer("a", 2, false);
  EXPECT_EQ(best("a"), "");
  pool_.offer("b", 2, false);
  EXPECT_EQ(best("a"), "b");
  EXPECT_TRUE(pool_.serves("a"));
  pool_.drain("b");
  EXPECT_FALSE(pool_.serves("a"));
  EXPECT_TRUE(pool_.serves());
}

TEST_F(pool, who_drains_or_hangs_gets_none) {
  pool_.offer("a", 2, false);
  EXPECT_TRUE(pool_.set_stuck("a", true));
  EXPECT_FALSE(pool_.set_stuck("a", true)) << "no news";
  EXPECT_EQ(best(), "");
  EXPECT_TRUE(pool_.serves()) << "it may go on";
  EXPECT_TRUE(pool_.set_stuck("a", false));
  EXPECT_EQ(best(), "a");
  pool_.drain("a");
  EXPECT_EQ(best(), "");
  EXPECT_FALSE(pool_.serves());
  EXPECT_FALSE(pool_.set_stuck("nobody", true));
}

TEST_F(pool, a_capacity_may_change_and_a_worker_may_go) {
  pool_.offer("a", 1, false);
  take();
  EXPECT_EQ(best(), "");
  pool_.offer("a", 2, false);
  EXPECT_EQ(best(), "a");
  pool_.remove("a");
  EXPECT_EQ(best(), "");
  EXPECT_TRUE(pool_.empty());
  EXPECT_FALSE(pool_.serves());
  pool_.give_back("a");
  pool_.take("a");
  EXPECT_EQ(pool_.find("a"), nullptr);
}

TEST(pools, choose_as_a_scan_of_all_would) {
  std::mt19937 chance(7);
  worker_pool pool;
  const auto id = [&] { return "w" + std::to_string(chance() % 20); };
  for (int n = 0; n < 20'000; ++n) {
    switch (chance() % 8) {
      case 0:
        pool.offer(id(), 1 + chance() % 9, chance() % 9 == 0);
        break;
      case 1:
        pool.remove(id());
        break;
      case 2:
        (void)pool.set_stuck(id(), chance() % 2 == 0);
        break;
      case 3:
      case 4:
        pool.give_back(id());
        break;
      default:
        if (const auto* w = pool.best()) pool.take(peer_id(w->id));
    }
    const worker_pool::worker* scanned = nullptr;
    for (const auto& [name, w] : pool.all()) {
      if (w.is_draining || w.is_stuck || w.busy >= w.capacity) continue;
      if (scanned != nullptr) {
        const auto mine = std::uint64_t{w.busy} * scanned->capacity;
        const auto theirs = std::uint64_t{scanned->busy} * w.capacity;
        if (mine > theirs || (mine == theirs && w.used >= scanned->used)) continue;
      }
      scanned = &w;
    }
    ASSERT_EQ(pool.best(), scanned) << n;
  }
}

} // namespace
} // namespace troupe::wire
