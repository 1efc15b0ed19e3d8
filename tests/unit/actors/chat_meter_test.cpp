// Goal: what a chat reserves covers what it may use, and what it settles is what it used, however
// many pieces there were. Method: the bookkeeping alone, with answers of the service made by hand.
#include "actors/prompt/chat_meter.hpp"
#include "messages/base/limits.hpp"

#include <gtest/gtest.h>
#include <map>

namespace troupe {
namespace {

constexpr auto step = limits::stream_tokens_step;

reserve_reply granted(std::vector<std::string> kinds) {
  return {.refused = {}, .kinds = std::move(kinds), .limits = {}};
}

/// What all settlements say together of each kind.
std::map<std::string, std::int64_t> totals(const chat_meter& meter, const token_usage& used,
                                           const std::vector<std::string>& kinds) {
  std::map<std::string, std::int64_t> out;
  for (const auto& each : meter.settle(used))
    for (std::size_t i = 0; i < each.amounts.size(); ++i) out[kinds[i]] += each.amounts[i];
  return out;
}

TEST(chat_meter, a_stream_reserves_its_prompt_and_a_first_piece_of_its_answer) {
  chat_meter meter;
  const auto first = meter.begin({100, 5000, {2, 10}, true});
  EXPECT_EQ(first.requests, 1);
  EXPECT_EQ(first.tokens, 100 + step);
  EXPECT_EQ(first.streams, 1);
  EXPECT_EQ(first.micro_usd, 100 * 2 + step * 10);
}

TEST(chat_meter, a_plain_chat_reserves_all_that_it_may_say) {
  chat_meter meter;
  const auto first = meter.begin({100, 5000, {}, false});
  EXPECT_EQ(first.tokens, 5100);
  EXPECT_EQ(first.streams, 0);
}

TEST(chat_meter, what_a_provider_makes_up_stays_within_what_the_store_takes) {
  chat_meter meter;
  const auto first = meter.begin({100, 5000, {}, false});
  meter.took(first, granted({"tokens"}));
  EXPECT_EQ(meter.settle({-50, 10, -40}), (std::vector<settle_request>{{first.id, {0}}}));
  const auto huge = std::int64_t{1} << 60;
  EXPECT_EQ(meter.settle({0, huge, huge}),
            (std::vector<settle_request>{{first.id, {limits::limit_amount_max}}}));
}

TEST(chat_meter, more_is_asked_for_before_the_end_and_one_piece_at_a_time) {
  chat_meter meter;
  const auto first = meter.begin({100, 5000, {}, true});
  meter.took(first, granted({"requests", "tokens"}));
  EXPECT_FALSE(meter.more(step / 2));
  const auto second = meter.more(step);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->requests, 0);
  EXPECT_EQ(second->tokens, step);
  EXPECT_NE(second->id, first.id);
  EXPECT_FALSE(meter.more(step + 1)) << "one is under way";
  meter.took(*second, granted({"tokens"}));
  EXPECT_FALSE(meter.more(step + 1));
  EXPECT_TRUE(meter.more(2 * step));
}

TEST(chat_meter, without_a_cap_on_tokens_or_money_nothing_more_is_asked) {
  chat_meter meter;
  meter.took(meter.begin({100, 5000, {}, true}), granted({"requests", "streams"}));
  EXPECT_FALSE(meter.more(100 * step));
}

TEST(chat_meter, the_settlements_add_up_to_what_was_used) {
  const std::vector<std::string> kinds{"tokens", "money"};
  for (const std::int64_t answer :
       {std::int64_t{0}, std::int64_t{10}, step, step + 5, 3 * step, 9 * step}) {
    chat_meter meter;
    meter.took(meter.begin({100, 5000, {1, 3}, true}), granted(kinds));
    for (int i = 0; i < 2; ++i)
      if (const auto next = meter.more(10 * step)) meter.took(*next, granted(kinds));
    const auto said = totals(meter, {100, answer, 100 + answer}, kinds);
    EXPECT_EQ(said.at("tokens"), 100 + answer) << answer;
    EXPECT_EQ(said.at("money"), 100 + 3 * answer) << answer;
  }
}

TEST(chat_meter, a_request_is_settled_as_one_and_its_stream_given_back) {
  chat_meter meter;
  const auto first = meter.begin({100, 5000, {}, true});
  meter.took(first, granted({"requests", "requests", "streams"}));
  EXPECT_EQ(meter.leases(), std::vector<std::string>{first.id});
  EXPECT_EQ(meter.settle({}), (std::vector<settle_request>{{first.id, {1, 1, 0}}}));
}

TEST(chat_meter, a_lost_lease_is_taken_anew) {
  chat_meter meter;
  const auto first = meter.begin({100, 5000, {}, true});
  meter.took(first, granted({"streams"}));
  meter.lost(first.id);
  EXPECT_TRUE(meter.leases().empty());
  const auto second = meter.again();
  EXPECT_EQ(second.requests, 0);
  EXPECT_EQ(second.tokens, 0);
  meter.took(second, granted({"streams"}));
  EXPECT_EQ(meter.leases(), std::vector<std::string>{second.id});
}

TEST(chat_meter, without_a_reservation_there_is_nothing_to_settle) {
  EXPECT_TRUE(chat_meter().settle({5, 5, 10}).empty());
}

} // namespace
} // namespace troupe
