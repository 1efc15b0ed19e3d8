// Goal: the contract of limit_store: exact, all or none, nothing counted twice. Method: the same
// suite on every adapter, on real servers where there are any; windows of a second where time must
// pass, long ones where it must not matter.
#include "tests/contract/shared/shared_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace troupe::test {
namespace {

using enum limit_kind;

class limit_store_contract : public shared_suite {
protected:
  void SetUp() override {
    shared_suite::SetUp();
    if (!IsSkipped()) stores_ = open();
  }
  limit_store& store() { return *stores_.limits; }
  std::int64_t remaining(limit_want of) {
    of.amount = 0;
    return value_of(reserve(store(), "look" + std::to_string(++looks_), {of})).states[0].remaining;
  }

private:
  redis_stores stores_;
  int looks_ = 0;
};
INSTANTIATE_TEST_SUITE_P(on, limit_store_contract,
                         ::testing::Values(shared_by::memory, shared_by::redis,
                                           shared_by::redis_tls, shared_by::redis_cluster,
                                           shared_by::sqlite, shared_by::mariadb,
                                           shared_by::postgresql),
                         adapter_name);

TEST_P(limit_store_contract, as_many_as_may_be_are_admitted_and_then_none) {
  for (int n = 0; n < 5; ++n) {
    const auto said = value_of(reserve(store(), std::to_string(n), {want("s", requests, 5)}));
    EXPECT_TRUE(said.granted);
    EXPECT_EQ(said.states[0].remaining, 4 - n);
    EXPECT_GT(said.states[0].reset, 55s);
    EXPECT_LE(said.states[0].reset, 61s);
  }
  const auto said = value_of(reserve(store(), "one more", {want("s", requests, 5)}));
  EXPECT_FALSE(said.granted);
  EXPECT_EQ(said.refused_by, 0u);
  EXPECT_GT(said.retry_after, 55s);
  EXPECT_LE(said.retry_after, 61s);
  EXPECT_EQ(said.states[0].remaining, 0);
}

TEST_P(limit_store_contract, all_wants_are_taken_or_none) {
  const auto one = want("key:k", requests, 10), two = want("user:u", requests, 1);
  EXPECT_TRUE(value_of(reserve(store(), "a", {one, two})).granted);
  const auto said = value_of(reserve(store(), "b", {one, two}));
  EXPECT_FALSE(said.granted);
  EXPECT_EQ(said.refused_by, 1u);
  EXPECT_EQ(said.states[0].remaining, 9);
  EXPECT_EQ(remaining(one), 9);
}

TEST_P(limit_store_contract, a_refusal_names_the_want_that_must_wait_longest) {
  const auto brief = want("s", requests, 1, 1s), longer = want("s", tokens, 1, 1h);
  EXPECT_TRUE(value_of(reserve(store(), "a", {brief, longer})).granted);
  const auto said = value_of(reserve(store(), "b", {brief, longer}));
  EXPECT_EQ(said.refused_by, 1u);
  EXPECT_GT(said.retry_after, 59min);
}

TEST_P(limit_store_contract, what_was_admitted_comes_back_when_it_said_and_not_before) {
  const auto each = want("s", requests, 3, 1s);
  const auto began = steady::now();
  for (const auto* id : {"a", "b", "c"}) value_of(reserve(store(), id, {each}));
  int refused = 0;
  for (int n = 0;; ++n) {
    const auto said = value_of(reserve(store(), "again" + std::to_string(n), {each}));
    if (said.granted) break;
    ++refused;
    EXPECT_LE(said.retry_after, 1040ms);
    std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(said.retry_after, 100ms));
  }
  EXPECT_GT(refused, 3);
  EXPECT_GE(steady::now() - began, 1s);
  EXPECT_LT(steady::now() - began, 1500ms);
}

TEST_P(limit_store_contract, an_id_is_granted_again_without_being_counted_twice) {
  const auto each = want("s", tokens, 100, 1min, 60);
  for (int n = 0; n < 3; ++n) {
    const auto said = value_of(reserve(store(), "same", {each}));
    EXPECT_TRUE(said.granted);
    EXPECT_EQ(said.states[0].remaining, 40);
  }
  EXPECT_FALSE(value_of(reserve(store(), "other", {each})).granted);
  value_of(settle(store(), "same", {10}));
  EXPECT_TRUE(value_of(reserve(store(), "same", {each})).granted) << "a repeat that came late";
  EXPECT_EQ(remaining(each), 90);
}

TEST_P(limit_store_contract, an_id_that_was_refused_may_be_granted_later) {
  EXPECT_FALSE(value_of(reserve(store(), "same", {want("s", requests, 0)})).granted);
  EXPECT_TRUE(value_of(reserve(store(), "same", {want("s", requests, 1)})).granted);
  EXPECT_FALSE(value_of(reserve(store(), "other", {want("s", requests, 1)})).granted);
}

TEST_P(limit_store_contract, settling_moves_the_counters_to_what_was_used_once) {
  const auto spent = want("s", money, 1000, 24h, 300), used = want("s", tokens, 1000, 1min, 500);
  EXPECT_TRUE(value_of(reserve(store(), "a", {spent, used})).granted);
  value_of(settle(store(), "a", {1200, 20}));
  EXPECT_EQ(remaining(spent), 0) << "it may pass the most";
  EXPECT_EQ(remaining(used), 980);
  value_of(settle(store(), "a", {0, 0}));
  EXPECT_EQ(remaining(used), 980);
  EXPECT_FALSE(value_of(reserve(store(), "b", {spent})).granted);
  value_of(settle(store(), "unknown", {1}));
}

TEST_P(limit_store_contract, settling_to_nothing_leaves_nothing_to_wait_for) {
  const auto each = want("s", tokens, 10, 1min, 10);
  value_of(reserve(store(), "a", {each}));
  value_of(settle(store(), "a", {0}));
  const auto said = value_of(reserve(store(), "look", {want("s", tokens, 10, 1min, 0)}));
  EXPECT_EQ(said.states[0].remaining, 10);
  EXPECT_EQ(said.states[0].reset, 0ms);
}

TEST_P(limit_store_contract, what_was_not_settled_counts_as_it_was_reserved) {
  const auto each = want("s", tokens, 10, 1min, 7);
  value_of(reserve(store(), "a", {each}));
  value_of(settle(store(), "a", {})); // says nothing of the first want
  EXPECT_EQ(remaining(each), 3);
}

TEST_P(limit_store_contract, a_settle_that_comes_when_the_bucket_is_gone_changes_nothing) {
  const auto each = want("s", tokens, 10, 1s, 4);
  value_of(reserve(store(), "a", {each, want("s", tokens, 100, 1min, 4)}));
  std::this_thread::sleep_for(1050ms);
  value_of(settle(store(), "a", {9, 9}));
  EXPECT_EQ(remaining(each), 10);
  EXPECT_EQ(remaining(want("s", tokens, 100)), 91);
}

TEST_P(limit_store_contract, a_stream_is_held_until_it_is_settled) {
  const auto each = want("s", streams, 2);
  EXPECT_EQ(value_of(reserve(store(), "a", {each})).states[0].remaining, 1);
  EXPECT_TRUE(value_of(reserve(store(), "b", {each})).granted);
  const auto said = value_of(reserve(store(), "c", {each}));
  EXPECT_FALSE(said.granted);
  EXPECT_EQ(said.retry_after, limits::limit_stream_retry);
  EXPECT_GT(said.states[0].reset, 50s);
  value_of(settle(store(), "a", {1}));
  EXPECT_TRUE(value_of(reserve(store(), "c", {each})).granted);
  EXPECT_EQ(value_of(renew(store(), {"a", "b", "c", "d"})), (std::vector<std::string>{"a", "d"}));
}

TEST_P(limit_store_contract, the_streams_of_a_dead_node_come_back_and_renewed_ones_stay) {
  const auto each = want("s", streams, 2, 1s);
  value_of(reserve(store(), "dead", {each}));
  value_of(reserve(store(), "alive", {each, want("s", tokens, 100, 1s, 10)}));
  for (int n = 0; n < 4; ++n) {
    std::this_thread::sleep_for(300ms);
    EXPECT_EQ(value_of(renew(store(), {"alive"})), std::vector<std::string>{});
  }
  EXPECT_EQ(remaining(each), 1);
  EXPECT_EQ(value_of(renew(store(), {"dead", "alive"})), std::vector<std::string>{"dead"});
  EXPECT_TRUE(value_of(reserve(store(), "next", {each})).granted);
  EXPECT_FALSE(value_of(reserve(store(), "last", {each})).granted);
  value_of(settle(store(), "alive", {1, 10}));
  EXPECT_TRUE(value_of(reserve(store(), "last", {each})).granted);
}

TEST_P(limit_store_contract, many_leases_are_renewed_in_one_call) {
  std::vector<std::string> ids, unknown;
  for (int n = 0; n < 150; ++n) {
    ids.push_back("id" + std::to_string(n));
    if (n % 3 != 0) value_of(reserve(store(), ids.back(), {want("s", streams, 1000)}));
    if (n % 3 == 0) unknown.push_back(ids.back());
  }
  auto said = value_of(renew(store(), ids));
  std::ranges::sort(said);
  std::ranges::sort(unknown);
  EXPECT_EQ(said, unknown);
}

TEST_P(limit_store_contract, what_can_never_be_granted_waits_a_whole_window) {
  const auto said = value_of(reserve(store(), "a", {want("s", tokens, 10, 1h, 11)}));
  EXPECT_FALSE(said.granted);
  EXPECT_EQ(said.retry_after, 1h);
  EXPECT_EQ(value_of(reserve(store(), "b", {want("s", streams, 0, 1h)})).retry_after, 1h);
}

TEST_P(limit_store_contract, looking_takes_nothing_and_is_granted_at_the_bound) {
  const auto each = want("s", requests, 1);
  value_of(reserve(store(), "a", {each}));
  EXPECT_EQ(remaining(each), 0);
  EXPECT_EQ(remaining(want("t", requests, 3)), 3);
  EXPECT_EQ(remaining(want("t", streams, 3)), 3);
}

TEST_P(limit_store_contract, scopes_kinds_and_windows_are_counted_apart) {
  value_of(reserve(store(), "a", {want("s", requests, 9)}));
  EXPECT_EQ(remaining(want("s", requests, 9)), 8);
  EXPECT_EQ(remaining(want("t", requests, 9)), 9);
  EXPECT_EQ(remaining(want("s", tokens, 9)), 9);
  EXPECT_EQ(remaining(want("s", requests, 9, 1h)), 9);
  const std::string odd("a b\r\n{x}\0:", 11);
  value_of(reserve(store(), odd, {want(odd, requests, 9)}));
  EXPECT_EQ(remaining(want(odd, requests, 9)), 8);
}

TEST_P(limit_store_contract, another_most_counts_from_the_next_call) {
  for (const auto* id : {"a", "b", "c"}) value_of(reserve(store(), id, {want("s", requests, 3)}));
  EXPECT_FALSE(value_of(reserve(store(), "d", {want("s", requests, 2)})).granted);
  EXPECT_TRUE(value_of(reserve(store(), "d", {want("s", requests, 4)})).granted);
}

TEST_P(limit_store_contract, large_amounts_are_exact) {
  constexpr auto most = limits::limit_amount_max;
  EXPECT_TRUE(value_of(reserve(store(), "a", {want("s", money, most, 1h, most - 1)})).granted);
  EXPECT_FALSE(value_of(reserve(store(), "b", {want("s", money, most, 1h, 2)})).granted);
  EXPECT_EQ(remaining(want("s", money, most, 1h)), 1);
  value_of(settle(store(), "a", {most - 3}));
  EXPECT_EQ(remaining(want("s", money, most, 1h)), 3);
}

TEST_P(limit_store_contract, what_is_out_of_its_bounds_is_refused_by_name) {
  const auto wrong = [&](limit_want each, const char* param) {
    EXPECT_TRUE(fails_with(reserve(store(), "a", {each}), errc::invalid_argument, param));
  };
  wrong(want("", requests, 1), "wants.scope");
  wrong(want(std::string(201, 's'), requests, 1), "wants.scope");
  wrong(want("s", requests, 1, 999ms), "wants.window");
  wrong(want("s", requests, 1, 169h), "wants.window");
  wrong(want("s", requests, -1), "wants.most");
  wrong(want("s", requests, 1, 1s, -1), "wants.amount");
  wrong(want("s", streams, 9, 1s, 2), "wants.amount");
  EXPECT_TRUE(fails_with(reserve(store(), "a", {}), errc::invalid_argument, "wants"));
  const std::vector<limit_want> twice(2, want("s", requests, 1));
  EXPECT_TRUE(fails_with(reserve(store(), "a", twice), errc::invalid_argument, "wants"));
  std::vector<limit_want> many;
  for (int n = 0; n < 17; ++n) many.push_back(want("s" + std::to_string(n), requests, 1));
  EXPECT_TRUE(fails_with(reserve(store(), "a", many), errc::invalid_argument, "wants"));
  many.pop_back();
  EXPECT_TRUE(value_of(reserve(store(), "a", many)).granted);
  EXPECT_TRUE(fails_with(settle(store(), "a", {-1}), errc::invalid_argument, "amounts"));
  EXPECT_TRUE(fails_with(settle(store(), "", {1}), errc::invalid_argument, "id"));
  EXPECT_TRUE(fails_with(renew(store(), {std::string(65, 'i')}), errc::invalid_argument, "id"));
  const std::vector<std::string> ids(limits::limit_renew_ids + 1, "i");
  EXPECT_TRUE(fails_with(renew(store(), ids), errc::invalid_argument, "ids"));
}

/// Asks from `clients` threads at once, spread over several nodes; answers how many were granted.
int granted_of_many(std::vector<redis_stores>& nodes, int clients, int each,
                    const std::function<bool(limit_store&, const std::string&)>& ask_once) {
  std::atomic<int> granted = 0;
  std::vector<std::jthread> asking;
  for (int c = 0; c < clients; ++c)
    asking.emplace_back([&, c] {
      auto& store = *nodes[static_cast<std::size_t>(c) % nodes.size()].limits;
      for (int n = 0; n < each; ++n)
        granted += ask_once(store, std::to_string(c) + '-' + std::to_string(n)) ? 1 : 0;
    });
  asking.clear();
  return granted;
}

TEST_P(limit_store_contract, of_64_clients_on_several_nodes_exactly_100_are_granted) {
  std::vector<redis_stores> nodes;
  while (nodes.size() < node_count()) nodes.push_back(open());
  const auto once = [](limit_store& in, const std::string& id) {
    return value_of(reserve(in, id, {want("org:o", requests, 100, 1h), want(id, tokens, 1, 1h)}))
        .granted;
  };
  EXPECT_EQ(granted_of_many(nodes, 64, 5, once), 100);
}

TEST_P(limit_store_contract, one_id_that_many_ask_for_is_counted_once) {
  std::vector<redis_stores> nodes;
  while (nodes.size() < node_count()) nodes.push_back(open());
  const auto once = [](limit_store& in, const std::string& id) {
    const auto shared = id.substr(id.find('-'));
    return value_of(reserve(in, shared, {want("s", requests, 3, 1h)})).granted;
  };
  EXPECT_EQ(granted_of_many(nodes, 32, 5, once), 3 * 32) << "3 ids of 5";
}

} // namespace
} // namespace troupe::test
