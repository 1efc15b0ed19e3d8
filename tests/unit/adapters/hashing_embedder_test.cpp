// Goal: vectors are of unit length, repeatable, and close for texts that share words or stems.
// Method: cosines of hand-picked pairs; every kind of odd input.
#include "adapters/vector/passage_index.hpp"

#include <gtest/gtest.h>
#include <cmath>
#include <string>

namespace troupe {
namespace {

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t n = 0; n < a.size(); ++n) sum += static_cast<double>(a[n]) * b[n];
  return sum;
}

TEST(hashing_embedder, every_vector_has_the_asked_dimensions_and_unit_length) {
  for (const std::uint32_t dimensions : {1u, 7u, 256u, 1536u}) {
    const auto embedder = make_hashing_embedder(dimensions);
    EXPECT_EQ(embedder->dimensions(), dimensions);
    for (const std::string text :
         {"", " ", "word", "two words", "日本語のテキスト", "\xff\xfe", "😀", "a\0b"}) {
      const auto vector = embedder->embed(text);
      ASSERT_EQ(vector.size(), dimensions);
      EXPECT_NEAR(cosine(vector, vector), 1, 1e-4) << text;
    }
  }
}

TEST(hashing_embedder, a_text_without_words_gives_one_fixed_vector) {
  const auto embedder = make_hashing_embedder();
  EXPECT_EQ(embedder->embed(""), embedder->embed(" .,;! \n"));
}

TEST(hashing_embedder, the_same_text_gives_the_same_vector_whatever_its_case) {
  const auto one = make_hashing_embedder(), two = make_hashing_embedder();
  EXPECT_EQ(one->embed("Fargate REGIONS ÄÖÜ Ж"), two->embed("fargate regions äöü ж"));
}

TEST(hashing_embedder, shared_stems_are_nearer_than_foreign_words) {
  const auto embedder = make_hashing_embedder();
  const auto query = embedder->embed("database connection");
  EXPECT_GT(cosine(query, embedder->embed("databases and their connections")),
            cosine(query, embedder->embed("a walk in the green park")) + 0.2);
  const auto han = embedder->embed("データベース接続");
  EXPECT_GT(cosine(han, embedder->embed("データベースの接続方法")),
            cosine(han, embedder->embed("公園を散歩する")) + 0.2);
}

} // namespace
} // namespace troupe
