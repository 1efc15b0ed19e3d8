// Goal: the built-in model picks the sentence that answers and cites it. Method: small passages.
#include "actors/prompt/extract_rules.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

search_hit hit(std::string file, std::string text, double score = 1) {
  search_hit h;
  h.file_id = "file-" + file;
  h.filename = file + ".md";
  h.score = score;
  h.content.push_back({"text", std::move(text)});
  return h;
}

TEST(extract_rules, the_sentence_with_the_questions_words_is_picked_and_cited) {
  const auto out = extract_rules::pick(
      "In which Regions is Fargate supported?",
      {hit("pricing", "You pay for what you use. Prices differ.", 0.6),
       hit("regions",
           "AWS changes often. Fargate is supported in the following regions: Ohio and Oregon. "
           "Ask your account team.",
           0.9)});
  ASSERT_FALSE(out.sentences.empty());
  EXPECT_NE(out.sentences.front().find("Ohio"), std::string::npos);
  ASSERT_EQ(out.cited.size(), out.sentences.size());
  EXPECT_EQ(out.cited.front().filename, "regions.md");
  EXPECT_EQ(out.cited.front().quote, out.sentences.front());
}

TEST(extract_rules, without_passages_nothing_is_picked) {
  EXPECT_TRUE(extract_rules::pick("anything?", {}).sentences.empty());
  EXPECT_TRUE(extract_rules::pick("anything?", {hit("empty", "  \n ")}).sentences.empty());
}

TEST(extract_rules, without_a_common_word_the_best_passage_speaks) {
  const auto out = extract_rules::pick("zzz", {hit("a", "Whales are mammals. They sing.")});
  ASSERT_EQ(out.sentences.size(), 1u);
  EXPECT_EQ(out.cited.size(), 1u);
}

TEST(extract_rules, overlapping_passages_do_not_repeat_a_sentence) {
  const auto out = extract_rules::pick(
      "tides?", {hit("a", "Tides follow the moon."), hit("a", "Tides follow the moon.")});
  EXPECT_EQ(out.sentences.size(), 1u);
}

TEST(extract_rules, endings_and_stop_words_do_not_matter) {
  EXPECT_EQ(extract_rules::terms_of("The regions"), extract_rules::terms_of("region"));
  EXPECT_EQ(extract_rules::terms_of("what is the"), std::vector<std::string>{});
}

TEST(extract_rules, text_without_spaces_is_split_into_pairs) {
  EXPECT_EQ(extract_rules::terms_of("東京都"), (std::vector<std::string>{"東京", "京都"}));
}

TEST(extract_rules, a_sentence_is_cut_at_a_character_not_inside_one) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += "é";
  const auto out = extract_rules::sentences_of(text);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_LE(out[0].size(), 600u);
  EXPECT_EQ(out[0].size() % 2, 0u);
}

TEST(extract_rules, broken_utf8_is_survived) {
  EXPECT_NO_THROW((void)extract_rules::terms_of("\xE3\x80"));
  EXPECT_NO_THROW((void)extract_rules::sentences_of("a\xF0\x9F. \xE3\x80"));
}

} // namespace
} // namespace troupe
