// Goal: prices are read as they are written and cost is never rounded down. Method: the pure
// functions.
#include "messages/base/model_price.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(model_price, is_read_from_its_text) {
  EXPECT_EQ(parse_price("gpt-4o=2.5/10"), (named_price{"gpt-4o", {2.5, 10}}));
  EXPECT_EQ(parse_price("a=b/c=1/0"), (named_price{"a=b/c", {1, 0}}));
  EXPECT_EQ(parse_price("*=0.15/0.6"), (named_price{"*", {0.15, 0.6}}));
}

TEST(model_price, other_texts_are_none) {
  for (const auto* wrong : {"", "gpt", "gpt=", "gpt=1", "gpt=1/", "gpt=/1", "=1/2", "gpt=-1/2",
                            "gpt=1/2x", "gpt=1e3/2", "gpt=nan/1", "gpt=1/2000000", "gpt=1,5/2"})
    EXPECT_FALSE(parse_price(wrong)) << wrong;
}

TEST(model_price, a_model_has_its_own_price_or_that_of_all) {
  const std::vector<named_price> prices{{"*", {1, 1}}, {"a", {2, 2}}};
  EXPECT_EQ(price_of(prices, "a"), (model_price{2, 2}));
  EXPECT_EQ(price_of(prices, "b"), (model_price{1, 1}));
  EXPECT_FALSE(price_of({{"a", {2, 2}}}, "b"));
}

TEST(model_price, cost_is_rounded_up) {
  EXPECT_EQ((model_price{0.15, 0.6}.cost(1, 0)), 1);
  EXPECT_EQ((model_price{2.5, 10}.cost(1000, 100)), 3500);
  EXPECT_EQ((model_price{}.cost(1000, 100)), 0);
}

} // namespace
} // namespace troupe
