// Goal: every adapter keeps the contract of conversation_store
// (actors/ports/conversation_store.hpp). Method: one suite of calls and answers, run on SQLite and
// in memory.
#include "tests/contract/stores/store_fixture.hpp"

#include <thread>

namespace troupe::test {
namespace {

using lines = std::vector<std::string>;

class conversation_store_contract : public store_suite {
protected:
  result<done> create(const std::string& id, const std::string& user = "u1") {
    return ask<done>([&](auto r) { talks_->create(user, id, std::move(r)); });
  }
  result<done> append(const std::string& id, std::vector<turn_row> turns,
                      const std::string& user = "u1") {
    return ask<done>([&](auto r) { talks_->append(user, id, std::move(turns), {}, std::move(r)); });
  }
  result<std::vector<turn_row>> last(const std::string& id, std::uint32_t max = 20,
                                     const std::string& user = "u1") {
    return ask<std::vector<turn_row>>(
        [&](auto r) { talks_->last_turns(user, id, max, std::move(r)); });
  }
  lines said(const std::string& id, std::uint32_t max = 20) {
    lines out;
    for (const auto& t : value_of(last(id, max))) out.push_back(t.role + ": " + t.text);
    return out;
  }

  prompt_stores stores_ = open_prompt();
  conversation_store* talks_ = stores_.conversations.get();
};
TROUPE_ON_EVERY_ADAPTER(conversation_store_contract);

TEST_P(conversation_store_contract, a_new_conversation_has_no_turns) {
  ASSERT_TRUE(create("conv_1"));
  EXPECT_EQ(said("conv_1"), lines{});
  EXPECT_TRUE(fails_with(create("conv_1"), errc::conflict));
  EXPECT_TRUE(fails_with(create("conv_1", "u2"), errc::conflict));
}

TEST_P(conversation_store_contract, turns_come_back_oldest_first) {
  ASSERT_TRUE(create("conv_1"));
  ASSERT_TRUE(append("conv_1", {{"user", "Who's there? \xF0\x9F\x8E\xAD"}, {"assistant", "Me."}}));
  ASSERT_TRUE(append("conv_1", {{"user", "Again"}}));
  EXPECT_EQ(said("conv_1"),
            (lines{"user: Who's there? \xF0\x9F\x8E\xAD", "assistant: Me.", "user: Again"}));
}

TEST_P(conversation_store_contract, only_the_last_turns_come_when_there_are_more) {
  ASSERT_TRUE(create("conv_1"));
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(append("conv_1", {{"user", std::to_string(i)}}));
  EXPECT_EQ(said("conv_1", 3), (lines{"user: 9", "user: 10", "user: 11"}));
  EXPECT_EQ(said("conv_1", 12).size(), 12u);
  EXPECT_EQ(said("conv_1", 0), lines{});
}

TEST_P(conversation_store_contract, an_unknown_or_another_users_conversation_is_not_found) {
  ASSERT_TRUE(create("conv_1"));
  const std::string param = "conversation_id";
  EXPECT_TRUE(fails_with(last("conv_9"), errc::not_found, param));
  EXPECT_TRUE(fails_with(append("conv_9", {{"user", "x"}}), errc::not_found, param));
  EXPECT_TRUE(fails_with(last("conv_1", 20, "u2"), errc::not_found, param));
  EXPECT_TRUE(fails_with(append("conv_1", {{"user", "x"}}, "u2"), errc::not_found, param));
  EXPECT_EQ(said("conv_1"), lines{});
}

TEST_P(conversation_store_contract, what_is_appended_at_once_stays_together) {
  ASSERT_TRUE(create("conv_1"));
  constexpr int threads = 6, each = 15;
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < threads; ++t)
      writers.emplace_back([&, t] {
        for (int i = 0; i < each; ++i) {
          const auto text = std::to_string(t * each + i);
          value_of(append("conv_1", {{"user", text}, {"assistant", text}}));
        }
      });
  }
  const auto all = value_of(last("conv_1", 1000));
  ASSERT_EQ(all.size(), std::size_t{threads * each * 2});
  for (std::size_t i = 0; i < all.size(); i += 2) {
    EXPECT_EQ(all[i].role, "user");
    EXPECT_EQ(all[i + 1].role, "assistant");
    EXPECT_EQ(all[i].text, all[i + 1].text);
  }
}

} // namespace
} // namespace troupe::test
