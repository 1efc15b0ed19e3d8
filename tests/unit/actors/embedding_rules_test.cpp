// Goal: a shortened embedding is the beginning of the whole one, of length 1.
// Method: the pure rules.
#include "actors/prompt/embedding_rules.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace embedding_rules;
using floats = std::vector<float>;

TEST(embedding_rules, a_length_is_within_the_models_own) {
  EXPECT_EQ(length_of({}, 256).value(), 256u);
  EXPECT_EQ(length_of(1, 256).value(), 1u);
  EXPECT_EQ(length_of(256, 256).value(), 256u);
  for (const std::int64_t wrong : {-1, 0, 257}) {
    const auto length = length_of(wrong, 256);
    ASSERT_FALSE(length) << wrong;
    EXPECT_EQ(length.error().code, errc::invalid_argument);
    EXPECT_EQ(length.error().param, "dimensions");
  }
}

TEST(embedding_rules, a_shortened_vector_keeps_its_direction_and_has_length_1) {
  const auto made = shortened({0.3f, -0.4f, 0.5f, 0.7f}, 2);
  ASSERT_EQ(made.size(), 2u);
  EXPECT_FLOAT_EQ(made[0], 0.6f);
  EXPECT_FLOAT_EQ(made[1], -0.8f);
}

TEST(embedding_rules, a_vector_of_the_full_length_is_left_as_it_is) {
  EXPECT_EQ(shortened({0.6f, 0.8f}, 2), (floats{0.6f, 0.8f}));
}

TEST(embedding_rules, nothing_but_zeros_becomes_the_first_unit_vector) {
  EXPECT_EQ(shortened({0, 0, 1, 0}, 2), (floats{1, 0}));
}

} // namespace
} // namespace troupe
