// Goal: nodes that count limits among themselves admit exactly what one counter would, also while
// shards move, and when an owner dies no more than that and what it had not saved.
// Method: nodes with their real lease hosts over one store of leases, in virtual time; a question
// to another node is a call, which a node that is down does not answer.
#include "actors/auth/limit_shards.hpp"
#include "actors/auth/limit_state.hpp"
#include "actors/entity/lease_host.hpp"
#include "adapters/memory/memory_stores.hpp"
#include "messages/limit_ids.hpp"

#include <gtest/gtest.h>
#include <map>
#include <optional>

namespace troupe {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t most = 100;

class limit_cluster : public testing::Test {
protected:
  struct node {
    std::shared_ptr<limit_shards> limits;
    std::shared_ptr<lease_host> leases;
    bool is_up = true; ///< else it neither runs nor answers
  };

  void join(std::uint64_t id) {
    auto& made = nodes_[id];
    made.limits = std::make_shared<limit_shards>(id, [this] { return now_; });
    lease_host_config settings;
    settings.store = store_.get();
    settings.service = "limits";
    settings.node = id;
    settings.now = [this] { return entity::instant(now_); };
    auto* own = made.limits.get();
    settings.hooks.opened = [own](auto shard, auto epoch, const auto& state, auto ago) {
      own->open(shard, epoch, state, ago);
    };
    settings.hooks.closed = [own](auto shard, auto epoch) { own->close(shard, epoch); };
    settings.hooks.save = [own](auto shard) { return own->save(shard); };
    settings.hooks.saved = [own](auto shard) { own->saved(shard); };
    made.leases = std::make_shared<lease_host>(std::move(settings));
    limit_peers peers;
    peers.reserve = [this](auto to, auto in, auto back) {
      ask(to, back, [&](limit_shards& l) { l.reserve_part(std::move(in), std::move(back)); });
    };
    peers.settle = [this](auto to, auto in, auto back) {
      ask(to, back, [&](limit_shards& l) { l.settle_part(std::move(in), std::move(back)); });
    };
    peers.renew = [this](auto to, auto in, auto back) {
      ask(to, back, [&](limit_shards& l) { l.renew_part(std::move(in), std::move(back)); });
    };
    made.limits->connect(made.leases, std::move(peers));
  }

  /// Lets all that are up run for so long.
  void pass(milliseconds time) {
    for (const auto end = now_ + time; now_ < end;) {
      now_ += limits::shard_tick;
      for (auto& [id, each] : nodes_) {
        if (!each.is_up) continue;
        each.leases->tick();
        each.limits->tick();
      }
    }
  }

  static std::vector<usage_caps> caps(const std::vector<std::string>& scopes) {
    std::vector<usage_caps> out;
    for (const auto& scope : scopes) out.push_back({.subject = scope});
    return out;
  }
  static std::vector<limit_want> wants(const std::vector<std::string>& scopes,
                                       std::int64_t amount) {
    std::vector<limit_want> out;
    for (const auto& scope : scopes)
      out.push_back({scope, limit_kind::requests, most, minutes(1), amount});
    return out;
  }

  /// What the node answers by now; nothing: it still waits.
  std::optional<result<limit_verdict>> reserve(std::uint64_t at,
                                               const std::vector<std::string>& scopes,
                                               std::int64_t amount = 1) {
    auto said = std::make_shared<std::optional<result<limit_verdict>>>();
    last_id_ = make_reservation_id(caps(scopes), {});
    nodes_[at].limits->reserve(last_id_, wants(scopes, amount),
                               reply<limit_verdict>([said](auto v) { *said = std::move(v); }));
    last_ = said;
    return *said;
  }
  bool is_granted(std::uint64_t at, const std::vector<std::string>& scopes,
                  std::int64_t amount = 1) {
    const auto said = reserve(at, scopes, amount);
    return said && *said && (*said)->granted;
  }
  int granted_of(int tries, const std::vector<std::string>& scopes) {
    int count = 0;
    for (int n = 0; n < tries; ++n) {
      auto at = std::next(nodes_.begin(), n % static_cast<int>(nodes_.size()));
      while (!at->second.is_up) at = std::next(at) == nodes_.end() ? nodes_.begin() : std::next(at);
      count += is_granted(at->first, scopes) ? 1 : 0;
    }
    return count;
  }
  std::uint64_t owner_of(const std::string& scope) {
    for (auto& [id, each] : nodes_)
      if (each.is_up && each.leases->epoch_of(shard_of(scope)) != 0) return id;
    return 0;
  }
  /// A scope that this node counts.
  std::string scope_of(std::uint64_t id) {
    for (int n = 0;; ++n)
      if (const auto scope = "user:" + std::to_string(n); owner_of(scope) == id) return scope;
  }
  result<done> settle(std::uint64_t at, const std::string& id, std::vector<std::int64_t> amounts) {
    auto said = std::make_shared<std::optional<result<done>>>();
    nodes_[at].limits->settle(id, std::move(amounts),
                              reply<done>([said](auto v) { *said = std::move(v); }));
    return said->value_or(fail(errc::unavailable, "it waits"));
  }

  milliseconds now_{1'000'000};
  std::unique_ptr<lease_store> store_ = make_memory_lease_store([this] { return now_; });
  std::map<std::uint64_t, node> nodes_;
  std::string last_id_;
  std::shared_ptr<std::optional<result<limit_verdict>>> last_;

private:
  template <class Reply, class Work>
  void ask(std::uint64_t to, Reply& back, Work work) {
    const auto at = nodes_.find(to);
    if (at == nodes_.end() || !at->second.is_up)
      return back.fail(make_error(errc::unavailable, "the node is not linked"));
    work(*at->second.limits);
  }
};

TEST_F(limit_cluster, three_nodes_admit_exactly_what_one_would) {
  for (const auto id : {11, 12, 13}) join(id);
  pass(seconds(2));
  EXPECT_EQ(granted_of(300, {"user:a"}), most);
  EXPECT_EQ(granted_of(300, {"user:b"}), most);
  pass(minutes(2));
  EXPECT_EQ(granted_of(300, {"user:a"}), most);
}

TEST_F(limit_cluster, every_node_has_its_share_of_the_shards) {
  for (const auto id : {11, 12, 13}) join(id);
  pass(seconds(2));
  std::map<std::uint64_t, int> shards;
  for (shard_number shard = 0; shard < limits::shards; ++shard)
    for (auto& [id, each] : nodes_) shards[id] += each.leases->epoch_of(shard) != 0 ? 1 : 0;
  int all = 0;
  for (const auto& [id, count] : shards) {
    EXPECT_GT(count, 20) << id;
    all += count;
  }
  EXPECT_EQ(all, limits::shards);
}

TEST_F(limit_cluster, what_one_scope_refuses_is_given_back_to_the_others) {
  for (const auto id : {11, 12}) join(id);
  pass(seconds(2));
  const auto narrow = scope_of(11), wide = scope_of(12);
  EXPECT_EQ(granted_of(most, {narrow}), most);
  EXPECT_EQ(granted_of(50, {narrow, wide}), 0);
  const auto last = **last_;
  ASSERT_TRUE(last);
  EXPECT_EQ(last->refused_by, 0u);
  EXPECT_GT(last->retry_after, milliseconds(0));
  EXPECT_EQ(granted_of(300, {wide}), most);
}

TEST_F(limit_cluster, states_of_all_wants_come_from_their_owners) {
  for (const auto id : {11, 12}) join(id);
  pass(seconds(2));
  const auto one = scope_of(11), two = scope_of(12);
  ASSERT_TRUE(is_granted(11, {two}, 30));
  const auto said = reserve(11, {one, two}, 5);
  ASSERT_TRUE(said && *said && (*said)->granted);
  EXPECT_EQ((*said)->states[0].remaining, most - 5);
  EXPECT_EQ((*said)->states[1].remaining, most - 35);
}

TEST_F(limit_cluster, a_reservation_is_settled_from_any_node) {
  for (const auto id : {11, 12, 13}) join(id);
  pass(seconds(2));
  const auto scope = scope_of(12);
  ASSERT_TRUE(is_granted(11, {scope}, most));
  const auto first = last_id_;
  EXPECT_FALSE(is_granted(13, {scope}));
  ASSERT_TRUE(settle(13, first, {1}));
  EXPECT_EQ(granted_of(300, {scope}), most - 1);
}

TEST_F(limit_cluster, a_shard_takes_its_counts_along_when_its_owner_leaves) {
  for (const auto id : {11, 12, 13}) join(id);
  pass(seconds(2));
  const auto scope = scope_of(12);
  ASSERT_TRUE(is_granted(11, {scope}, 60));
  const auto first = last_id_;
  nodes_[12].leases->drain(false);
  pass(seconds(2));
  EXPECT_NE(owner_of(scope), 12u);
  EXPECT_TRUE(nodes_[12].leases->is_drained());
  ASSERT_TRUE(settle(11, first, {10})) << "known to the new owner";
  EXPECT_EQ(granted_of(300, {scope}), most - 10);
}

TEST_F(limit_cluster, a_node_that_joins_takes_over_what_was_counted) {
  join(11);
  pass(seconds(2));
  std::map<std::string, int> before;
  for (int n = 1; n <= 50; ++n) {
    const auto scope = "user:" + std::to_string(n);
    before[scope] = n;
    ASSERT_TRUE(is_granted(11, {scope}, n));
  }
  join(12);
  pass(seconds(3));
  int moved = 0;
  for (const auto& [scope, count] : before) {
    moved += owner_of(scope) == 12 ? 1 : 0;
    EXPECT_EQ(granted_of(2 * most, {scope}), most - count) << scope;
  }
  EXPECT_GT(moved, 10);
}

TEST_F(limit_cluster, of_a_dead_owner_only_what_it_had_not_saved_is_forgotten) {
  for (const auto id : {11, 12, 13}) join(id);
  pass(seconds(2));
  const auto scope = scope_of(12);
  ASSERT_TRUE(is_granted(11, {scope}, 40));
  pass(limits::shard_lease); // saved at least once
  ASSERT_TRUE(is_granted(11, {scope}, 25));
  nodes_[12].is_up = false;
  EXPECT_FALSE(reserve(11, {scope})) << "it waits for an owner";
  const auto waiting = last_;
  pass(limits::shard_lease + seconds(2));
  ASSERT_TRUE(*waiting && **waiting) << "and gets one";
  EXPECT_TRUE((**waiting)->granted);
  const auto admitted = 40 + 25 + 1 + granted_of(300, {scope});
  EXPECT_GE(admitted, most);
  EXPECT_LE(admitted, most + 25);
}

TEST_F(limit_cluster, who_slept_through_its_lease_counts_for_nobody) {
  for (const auto id : {11, 12}) join(id);
  pass(seconds(2));
  const auto scope = scope_of(12);
  nodes_[12].is_up = false;
  pass(limits::shard_lease + seconds(2));
  ASSERT_EQ(owner_of(scope), 11u);
  auto said = std::make_shared<std::optional<result<shard_verdict>>>();
  nodes_[12].limits->reserve_part({shard_of(scope), "id", {{scope, 0, most, 60'000, 1}}},
                                  reply<shard_verdict>([said](auto v) { *said = std::move(v); }));
  ASSERT_TRUE(*said);
  ASSERT_FALSE(**said);
  EXPECT_EQ((**said).error().reason, "not_owner");
}

TEST_F(limit_cluster, who_loses_its_shards_for_a_moment_forgets_nothing) {
  join(11);
  pass(seconds(2));
  ASSERT_TRUE(is_granted(11, {"user:a"}, 40));
  nodes_[11].is_up = false; // its store is away, say
  pass(limits::shard_lease + seconds(1));
  nodes_[11].is_up = true;
  pass(seconds(2));
  EXPECT_EQ(granted_of(300, {"user:a"}), most - 40);
}

TEST_F(limit_cluster, who_counted_last_goes_on_with_what_it_counted) {
  join(11);
  pass(seconds(2));
  auto& own = *nodes_[11].limits;
  ASSERT_TRUE(is_granted(11, {"user:a"}, 40));
  const auto shard = shard_of("user:a");
  const auto epoch = nodes_[11].leases->epoch_of(shard);
  own.close(shard,
            epoch); // the answer of its store came too late, and it has the lease all the same
  own.open(shard, epoch, {}, seconds(2));
  EXPECT_EQ(granted_of(10, {"user:a"}), 10);
  EXPECT_FALSE(is_granted(11, {"user:a"}, most - 49));
  own.close(shard, epoch); // its store is away for longer than a lease
  for (const auto end = now_ + seconds(20); now_ < end; now_ += limits::shard_tick) own.tick();
  own.open(shard, epoch + 1, {}, seconds(20));
  EXPECT_FALSE(is_granted(11, {"user:a"}, most - 49));
}

TEST_F(limit_cluster, what_was_given_back_is_counted_when_it_is_asked_for_again) {
  for (const auto id : {11, 12}) join(id);
  pass(seconds(2));
  auto one = scope_of(11), two = scope_of(12);
  if (shard_of(one) > shard_of(two)) std::swap(one, two); // asked for in this order
  ASSERT_TRUE(is_granted(11, {two}, most));
  EXPECT_FALSE(is_granted(11, {one, two}));
  const auto id = last_id_;
  pass(minutes(2)); // the limit of `two` is free again
  bool granted = false;
  nodes_[11].limits->reserve(id, wants({one, two}, 1),
                             reply<limit_verdict>([&](auto v) { granted = v && v->granted; }));
  EXPECT_TRUE(granted);
  EXPECT_EQ(granted_of(300, {one}), most - 1);
}

TEST_F(limit_cluster, without_an_owner_a_reservation_ends_in_time) {
  for (const auto id : {11, 12}) join(id);
  pass(seconds(2));
  const auto scope = scope_of(12);
  nodes_[12].is_up = nodes_[11].is_up = false;
  ASSERT_FALSE(reserve(11, {scope}));
  now_ += limits::shard_patience + seconds(1);
  nodes_[11].limits->tick();
  ASSERT_TRUE(*last_);
  ASSERT_FALSE(**last_);
  EXPECT_EQ((**last_).error().code, errc::unavailable);
  EXPECT_EQ((**last_).error().started, started_state::no);
}

TEST_F(limit_cluster, streams_are_held_and_renewed_across_nodes) {
  for (const auto id : {11, 12}) join(id);
  pass(seconds(2));
  const auto scope = scope_of(12);
  const auto hold = [&] {
    last_id_ = make_reservation_id(caps({scope}), {});
    bool granted = false;
    nodes_[11].limits->reserve(last_id_, {{scope, limit_kind::streams, 1, limits::stream_lease, 1}},
                               reply<limit_verdict>([&](auto v) { granted = v && v->granted; }));
    return granted;
  };
  const auto lost = [&](const std::string& id) {
    std::vector<std::string> out{"none"};
    nodes_[11].limits->renew({id},
                             reply<std::vector<std::string>>([&](auto v) { out = v.value(); }));
    return out;
  };
  ASSERT_TRUE(hold());
  const auto first = last_id_;
  for (int n = 0; n < 5; ++n) {
    pass(limits::stream_renew_every);
    EXPECT_TRUE(lost(first).empty()) << n;
  }
  EXPECT_FALSE(hold());
  pass(limits::stream_lease + seconds(1));
  EXPECT_EQ(lost(first), std::vector{first});
  EXPECT_TRUE(hold());
}

TEST_F(limit_cluster, an_id_must_name_the_shards_of_its_scopes) {
  join(11);
  pass(seconds(2));
  result<limit_verdict> said = limit_verdict{};
  nodes_[11].limits->reserve(make_reservation_id(caps({"user:a"}), {}), wants({"user:b"}, 1),
                             reply<limit_verdict>([&](auto v) { said = std::move(v); }));
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().param, "id");
}

TEST(limit_state, a_clock_that_began_elsewhere_shortens_nothing) {
  limit_rules::limit_book book;
  const std::vector<limit_want> some{{"user:a", limit_kind::requests, most, minutes(1), 60}};
  ASSERT_TRUE(book.reserve("first", some, 1'000'000).granted);
  const auto state = limit_rules::state_of(book, 1'010'000);
  // Ten seconds after it was counted it was saved, five later it is taken up; there it is 7 s
  // o'clock.
  auto next = limit_rules::book_of(state, 7'000, 5'000);
  EXPECT_FALSE(next.reserve("second", some, 7'000).granted);
  EXPECT_FALSE(next.reserve("second", some, 7'000 + 44'000).granted) << "59 s after it was counted";
  EXPECT_TRUE(next.reserve("second", some, 7'000 + 48'000).granted)
      << "three buckets later at most";
  EXPECT_TRUE(next.reserve("first", some, 7'000).granted) << "known by its id, not counted twice";
}

TEST(limit_state, one_that_is_too_large_gets_smaller_and_lets_no_more_through) {
  limit_rules::limit_book book;
  for (int n = 0; n < 50; ++n) {
    const auto at = 1'000'000 + n * 1000;
    ASSERT_TRUE(book.reserve("r" + std::to_string(n),
                             {{"user:a", limit_kind::requests, most, minutes(1), 2}}, at)
                    .granted);
  }
  ASSERT_TRUE(
      book.reserve("s", {{"user:a", limit_kind::streams, 1, limits::stream_lease, 1}}, 1'049'000)
          .granted);
  auto state = limit_rules::state_of(book, 1'050'000);
  EXPECT_EQ(state.reservations.size(), 51u);
  limit_rules::shorten(state, 0);
  ASSERT_EQ(state.reservations.size(), 1u);
  EXPECT_EQ(state.reservations[0].id, "s");
  limit_rules::shorten(state, 1);
  EXPECT_TRUE(state.reservations.empty());
  limit_rules::shorten(state, 2);
  for (const auto& each : state.counters) EXPECT_LE(each.numbers.size(), 1u);
  auto next = limit_rules::book_of(state, 1'050'000, 0);
  const std::vector<limit_want> one{{"user:a", limit_kind::requests, most, minutes(1), 1}};
  EXPECT_FALSE(next.reserve("x", one, 1'050'000).granted);
  EXPECT_FALSE(next.reserve("x", one, 1'100'000).granted) << "it counts longer than it need";
}

TEST(limit_state, what_cannot_be_understood_is_left_out) {
  limit_shard_state odd;
  for (const auto* name : {"", "0", "0:", "9:60000:user:a", "0:1:user:a", "x:60000:a"})
    odd.counters.push_back({name, {1}, {1}, {}, {}});
  odd.counters.push_back({"0:60000:user:a", {1, 2}, {1}, {}, {}});
  odd.reservations.push_back({"id", 9'000'000, {"0:60000:user:a"}, {}, {}, {}});
  const auto book = limit_rules::book_of(odd, 1000, 0);
  EXPECT_TRUE(book.counters.empty());
  EXPECT_TRUE(book.records.empty());
}

} // namespace
} // namespace troupe
