// Goal: a node has a shard only while the store surely counts it as its own, keeps what it has,
// gives up what another should have, and bothers the store no more than it must. Method: every
// answer by hand in virtual time; tests/unit/entity/lease_sim_test.cpp has the chaos.
#include "actors/entity/lease_keeper.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <utility>

namespace troupe::entity {
namespace {

using namespace std::chrono_literals;

class keeper : public ::testing::Test {
protected:
  template <class F>
  void step(F input) {
    out_.clear();
    input();
  }
  void tick() {
    step([&] { keeper_.tick(now_, out_); });
  }
  void tick_at(instant when) {
    now_ = when;
    tick();
  }
  void joined(std::vector<std::string> names) {
    step([&] { keeper_.joined(now_, join_, std::move(names), out_); });
  }
  void taken(std::vector<lease_verdict> said) {
    step([&] { keeper_.taken(now_, take_.id, std::move(said), out_); });
  }
  void kept(std::vector<lease_kept> said) {
    step([&] { keeper_.kept(now_, keep_.id, std::move(said), out_); });
  }
  void given(std::vector<shard_number> not_ours) {
    step([&] { keeper_.given(now_, give_.id, std::move(not_ours), out_); });
  }
  void give_up(shard_number shard, std::uint64_t epoch, std::optional<std::string> state) {
    step([&] { keeper_.give_up(now_, shard, epoch, std::move(state), out_); });
  }

  /// The outputs of a kind, in order; calls are remembered for their answers.
  template <class T>
  std::vector<T> all() {
    std::vector<T> out;
    for (const auto& each : out_)
      if (const auto* one = std::get_if<T>(&each)) out.push_back(*one);
    return out;
  }
  template <class T>
  T the() {
    const auto found = all<T>();
    EXPECT_EQ(found.size(), 1u);
    return found.empty() ? T{} : found.front();
  }
  void expect_take() { take_ = the<take_call>(); }
  void expect_keep() { keep_ = the<keep_call>(); }
  void expect_give() { give_ = the<give_call>(); }
  void expect_join() { join_ = the<join_call>().id; }

  static lease_verdict grant(shard_number shard, std::uint64_t epoch = 1, std::string state = {},
                             bool was_released = true) {
    lease_verdict out;
    out.shard = shard;
    out.granted = true;
    out.epoch = epoch;
    out.state = std::move(state);
    out.was_released = was_released;
    return out;
  }
  static lease_verdict refusal(shard_number shard, std::chrono::milliseconds remaining = 2s) {
    lease_verdict out;
    out.shard = shard;
    out.holder = "b";
    out.remaining = remaining;
    return out;
  }

  /// Joins alone and takes all shards with epoch 1 and the state `s`, all at once.
  void own_all() {
    tick();
    expect_join();
    joined({"a"});
    expect_take();
    std::vector<lease_verdict> said;
    for (const auto shard : take_.shards) said.push_back(grant(shard, 1, "s"));
    taken(std::move(said));
  }
  /// A shard that goes to `b` when it joins.
  static shard_number of_b() {
    const auto table = assign_shards({"a", "b"});
    const auto found = std::ranges::find(table.owners, 1);
    return static_cast<shard_number>(found - table.owners.begin());
  }
  /// All of `shards` are kept, `wanted` or not.
  static std::vector<lease_kept> all_kept(const std::vector<lease_hold>& holds,
                                          shard_number wanted = limits::shards) {
    std::vector<lease_kept> out;
    for (const auto& each : holds) out.push_back({each.shard, true, each.shard == wanted});
    return out;
  }
  /// `b` joins and asks for a shard, and the store tells us so; answers the shard.
  shard_number be_asked_by_b() {
    own_all();
    tick_at(now_ + 1s);
    expect_join();
    expect_keep();
    joined({"a", "b"});
    EXPECT_EQ(all<table_changed>().size(), 1u);
    EXPECT_TRUE(all<shard_wanted>().empty()) << "nobody has asked";
    kept(all_kept(keep_.holds, of_b()));
    return of_b();
  }

  instant now_ = instant(1h);
  lease_keeper keeper_{{.node = "a", .ttl = 3s, .margin = 300ms, .seed = 7}};
  keeper_outputs out_;
  std::uint64_t join_ = 0;
  take_call take_;
  keep_call keep_;
  give_call give_;
};

TEST_F(keeper, joins_first_and_takes_in_one_call_what_it_should_have) {
  tick();
  EXPECT_EQ(out_.size(), 1u);
  expect_join();
  EXPECT_EQ(keeper_.owner_of(0), "");
  joined({"a", "b", "c"});
  EXPECT_EQ(all<table_changed>().size(), 1u);
  expect_take();
  for (shard_number shard = 0; shard < limits::shards; ++shard)
    EXPECT_EQ(std::ranges::count(take_.shards, shard), keeper_.owner_of(shard) == "a" ? 1 : 0);
  EXPECT_FALSE(keeper_.owns(take_.shards.at(0), now_)) << "it has asked, no more";
}

TEST_F(keeper, a_granted_shard_is_opened_with_what_the_store_said) {
  tick();
  expect_join();
  joined({"a"});
  expect_take();
  auto said = grant(3, 7, "state", true);
  said.saved_ago = 12ms;
  taken({said, grant(4, 9, "old", false), refusal(5)});
  const auto opened = all<shard_opened>();
  ASSERT_EQ(opened.size(), 2u);
  EXPECT_EQ(opened[0].shard, 3);
  EXPECT_EQ(opened[0].epoch, 7u);
  EXPECT_EQ(opened[0].state, "state");
  EXPECT_TRUE(opened[0].was_released);
  EXPECT_EQ(opened[0].saved_ago, 12ms);
  EXPECT_FALSE(opened[1].was_released);
  EXPECT_TRUE(keeper_.owns(3, now_));
  EXPECT_EQ(keeper_.epoch_of(4, now_), 9u);
  EXPECT_FALSE(keeper_.owns(5, now_));
  EXPECT_EQ(keeper_.epoch_of(5, now_), std::nullopt);
}

TEST_F(keeper, ownership_counts_from_the_sending_of_the_call_and_ends_a_margin_early) {
  tick();
  expect_join();
  joined({"a"});
  expect_take();
  const auto sent = now_;
  now_ += 1s;
  taken({grant(3)});
  EXPECT_TRUE(keeper_.owns(3, sent + 2699ms));
  EXPECT_FALSE(keeper_.owns(3, sent + 2700ms)) << "without a call in between: after a freeze";
}

TEST_F(keeper, a_grant_that_came_too_late_opens_nothing) {
  tick();
  expect_join();
  joined({"a"});
  expect_take();
  now_ += 2800ms;
  taken({grant(3)});
  EXPECT_TRUE(all<shard_opened>().empty());
  EXPECT_FALSE(keeper_.owns(3, now_));
}

TEST_F(keeper, keeps_every_third_of_the_ttl_and_owns_on) {
  own_all();
  EXPECT_TRUE(all<keep_call>().empty());
  const auto began = now_;
  for (int keeps = 0; keeps < 5;) {
    tick_at(keeper_.due());
    const bool keeps_now = !all<keep_call>().empty();
    if (keeps_now) expect_keep();
    if (!all<join_call>().empty()) {
      expect_join();
      joined({"a"});
    }
    if (!keeps_now) continue;
    ++keeps;
    EXPECT_EQ(keep_.holds.size(), limits::shards);
    kept(all_kept(keep_.holds));
    EXPECT_TRUE(all<shard_closed>().empty());
    EXPECT_TRUE(keeper_.owns(0, now_ + 2699ms));
  }
  EXPECT_GE(now_ - began, 4500ms);
  EXPECT_LE(now_ - began, 5s);
}

TEST_F(keeper, a_shard_that_was_not_kept_in_time_is_closed_and_taken_again) {
  own_all();
  tick_at(now_ + 1s);
  expect_join();
  expect_keep();
  tick_at(now_ + 1700ms);
  const auto closed = all<shard_closed>();
  ASSERT_EQ(closed.size(), limits::shards);
  EXPECT_EQ(closed[0].why, close_reason::ran_out);
  expect_take();
  EXPECT_EQ(take_.shards.size(), limits::shards);
}

TEST_F(keeper, a_late_answer_does_not_revive_what_was_closed) {
  own_all();
  tick_at(now_ + 1s);
  expect_join();
  expect_keep();
  now_ += 10s; // frozen
  EXPECT_FALSE(keeper_.owns(0, now_));
  kept(all_kept(keep_.holds));
  EXPECT_FALSE(keeper_.owns(0, now_));
  EXPECT_EQ(all<shard_closed>().size(), limits::shards);
}

TEST_F(keeper, an_ownership_that_slipped_is_opened_again_as_not_whole) {
  own_all();
  tick_at(now_ + 1s);
  expect_join();
  expect_keep(); // the store keeps them, and the answer is lost
  tick_at(now_ + 1700ms);
  expect_take();
  taken({grant(3, 1, "s", true), grant(4, 2, "s", true)});
  const auto opened = all<shard_opened>();
  ASSERT_EQ(opened.size(), 2u);
  EXPECT_FALSE(opened[0].was_released) << "we may have done more than the state knows";
  EXPECT_TRUE(opened[1].was_released);
}

TEST_F(keeper, what_the_store_calls_lost_is_closed_and_asked_for_again) {
  own_all();
  tick_at(now_ + 1s);
  expect_join();
  expect_keep();
  auto said = all_kept(keep_.holds);
  said[9].kept = false;
  kept(said);
  EXPECT_EQ(the<shard_closed>().why, close_reason::lost);
  EXPECT_EQ(the<shard_closed>().shard, said[9].shard);
  EXPECT_EQ(the<take_call>().shards, std::vector<shard_number>{said[9].shard});
}

TEST_F(keeper, a_shard_that_another_should_have_and_asks_for_is_finished_and_given_with_its_state) {
  const auto shard = be_asked_by_b();
  const auto wanted = the<shard_wanted>();
  EXPECT_EQ(wanted.shard, shard);
  EXPECT_EQ(wanted.epoch, 1u);
  EXPECT_TRUE(keeper_.owns(shard, now_)) << "until its requests are done";
  tick();
  EXPECT_TRUE(all<shard_wanted>().empty()) << "told once";

  give_up(shard, 1, "last");
  EXPECT_FALSE(keeper_.owns(shard, now_));
  expect_give();
  ASSERT_EQ(give_.holds.size(), 1u);
  EXPECT_EQ(give_.holds[0].shard, shard);
  EXPECT_EQ(give_.holds[0].epoch, 1u);
  EXPECT_EQ(give_.holds[0].state, "last");
  EXPECT_TRUE(all<shard_closed>().empty()) << "it is not saved yet";
  given({});
  EXPECT_EQ(the<shard_closed>().why, close_reason::given);
  EXPECT_TRUE(all<take_call>().empty()) << "it is another's";
}

TEST_F(keeper, a_wanted_shard_that_is_still_its_own_is_not_given_up) {
  own_all();
  tick_at(now_ + 1s);
  expect_join();
  expect_keep();
  kept(all_kept(keep_.holds, of_b()));
  EXPECT_TRUE(all<shard_wanted>().empty()) << "b is no member that we know";
  joined({"a", "b"});
  EXPECT_EQ(the<shard_wanted>().shard, of_b()) << "now it is";
}

TEST_F(keeper, a_give_that_failed_is_tried_again_until_the_lease_is_over) {
  const auto shard = be_asked_by_b();
  give_up(shard, 1, "last");
  expect_give();
  step([&] { keeper_.given(now_, give_.id, fail(errc::unavailable, "down"), out_); });
  EXPECT_TRUE(all<give_call>().empty()) << "not at once";
  tick_at(now_ + 500ms);
  expect_give();
  EXPECT_EQ(give_.holds.at(0).state, "last");
  given({shard});
  EXPECT_EQ(the<shard_closed>().why, close_reason::lost);
}

TEST_F(keeper, a_give_up_of_another_epoch_is_passed_over) {
  own_all();
  give_up(0, 2, "x");
  give_up(0, 0, "x");
  EXPECT_TRUE(all<give_call>().empty());
  EXPECT_TRUE(keeper_.owns(0, now_));
}

TEST_F(keeper, a_refused_shard_is_asked_for_again_after_a_while_and_sooner_when_a_request_waits) {
  tick();
  expect_join();
  joined({"a"});
  expect_take();
  const auto asked = now_;
  now_ += 10ms;
  std::vector<lease_verdict> said;
  for (const auto each : take_.shards) said.push_back(refusal(each));
  taken(said);
  EXPECT_TRUE(all<take_call>().empty());
  EXPECT_GE(keeper_.due(), now_ + 150ms);
  EXPECT_LE(keeper_.due(), now_ + 300ms);
  step([&] { keeper_.need(now_, 5, out_); });
  EXPECT_TRUE(all<take_call>().empty()) << "it was asked for a moment ago";
  EXPECT_EQ(keeper_.due(), asked + 150ms);
  tick_at(keeper_.due());
  EXPECT_EQ(the<take_call>().shards, std::vector<shard_number>{5});
}

TEST_F(keeper, a_lease_that_ends_soon_is_asked_for_when_it_ends) {
  tick();
  expect_join();
  joined({"a"});
  expect_take();
  std::vector<lease_verdict> said;
  for (const auto each : take_.shards) said.push_back(refusal(each, 20ms));
  taken(said);
  EXPECT_LE(keeper_.due(), now_ + 50ms);
}

TEST_F(keeper, a_store_that_is_down_is_asked_less_and_less_often) {
  tick();
  std::vector<instant::duration> waits;
  for (int n = 0; n < 12; ++n) {
    expect_join();
    step([&] { keeper_.joined(now_, join_, fail(errc::unavailable, "down"), out_); });
    EXPECT_TRUE(out_.empty());
    waits.push_back(keeper_.due() - now_);
    tick_at(keeper_.due());
  }
  EXPECT_LE(waits.front(), 100ms);
  EXPECT_GE(waits.front(), 50ms);
  EXPECT_GE(waits.back(), 250ms);
  EXPECT_LE(waits.back(), 500ms);
  EXPECT_NE(waits[10], waits[11]) << "with jitter";
}

TEST_F(keeper, an_answer_that_never_comes_is_given_up_and_comes_in_vain_later) {
  tick();
  expect_join();
  const auto first = join_;
  EXPECT_EQ(keeper_.due(), now_ + 3s);
  tick_at(keeper_.due());
  EXPECT_TRUE(out_.empty());
  tick_at(keeper_.due());
  expect_join();
  step([&] { keeper_.joined(now_, first, std::vector<std::string>{"x"}, out_); });
  EXPECT_TRUE(out_.empty());
  joined({"a"});
  EXPECT_EQ(keeper_.owner_of(0), "a");
}

TEST_F(keeper, of_a_kind_one_call_is_on_its_way) {
  own_all();
  tick_at(now_ + 1s);
  expect_join();
  expect_keep();
  tick_at(now_ + 1s);
  EXPECT_TRUE(all<join_call>().empty());
  EXPECT_TRUE(all<keep_call>().empty());
}

TEST_F(keeper, who_drains_leaves_and_gives_all_up) {
  own_all();
  step([&] { keeper_.drain(now_, out_); });
  EXPECT_EQ(all<leave_call>().size(), 1u);
  const auto wanted = all<shard_wanted>();
  ASSERT_EQ(wanted.size(), limits::shards);
  EXPECT_FALSE(keeper_.is_drained());
  step([&] {
    for (const auto& each : wanted) keeper_.give_up(now_, each.shard, each.epoch, "x", out_);
  });
  expect_give();
  given({});
  expect_give(); // those that came while the first was on its way
  EXPECT_EQ(give_.holds.size(), limits::shards - 1);
  given({});
  EXPECT_EQ(all<shard_closed>().size(), limits::shards - 1);
  EXPECT_TRUE(keeper_.is_drained());
  EXPECT_EQ(keeper_.due(), instant::max());
}

TEST_F(keeper, what_is_granted_while_it_drains_is_given_back_unopened_and_its_state_stays) {
  tick();
  expect_join();
  joined({"a"});
  expect_take();
  step([&] { keeper_.drain(now_, out_); });
  EXPECT_FALSE(keeper_.is_drained()) << "a take is on its way";
  taken({grant(3, 5, "s")});
  EXPECT_TRUE(all<shard_opened>().empty());
  expect_give();
  EXPECT_EQ(give_.holds.at(0).epoch, 5u);
  EXPECT_EQ(give_.holds.at(0).state, std::nullopt);
  given({});
  EXPECT_TRUE(all<shard_closed>().empty());
  EXPECT_TRUE(keeper_.is_drained());
}

TEST_F(keeper, a_leave_waits_for_the_join_that_is_on_its_way) {
  tick();
  expect_join();
  step([&] { keeper_.drain(now_, out_); });
  EXPECT_TRUE(all<leave_call>().empty());
  joined({"a"});
  EXPECT_EQ(all<leave_call>().size(), 1u);
  EXPECT_TRUE(all<take_call>().empty());
  EXPECT_TRUE(keeper_.is_drained());
}

} // namespace
} // namespace troupe::entity
