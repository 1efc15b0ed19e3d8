// Goal: what a search asks for is read as OpenAI means it, and its answer carries each file's name
// and attributes. Method: the pure rules on small values.
#include "actors/retrieval/retrieval_rules.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

namespace rules = retrieval_rules;

std::string param_of(const std::string& options) {
  const auto choice = rules::ranking_of({options});
  return choice ? "" : choice.error().param;
}

passage_hit hit(std::string store, std::string file, double score) {
  return {std::move(store), std::move(file), 0, "text", score};
}

TEST(retrieval_rules, ranking_options_choose_the_ranker_and_the_threshold) {
  EXPECT_EQ(rules::ranking_of({})->how, ranking::automatic);
  EXPECT_EQ(rules::ranking_of({R"({"ranker":"auto"})"})->how, ranking::automatic);
  EXPECT_EQ(rules::ranking_of({R"({"ranker":"default-2024-11-15"})"})->how, ranking::automatic);
  EXPECT_EQ(rules::ranking_of({R"({"ranker":"none"})"})->how, ranking::bm25);
  EXPECT_EQ(rules::ranking_of({R"({"score_threshold":0.25})"})->score_threshold, 0.25);
  EXPECT_EQ(rules::ranking_of({R"({"score_threshold":null,"ranker":null})"})->score_threshold, 0);
}

TEST(retrieval_rules, ranking_options_that_are_wrong_are_named) {
  EXPECT_EQ(param_of(R"({"ranker":"best"})"), "ranking_options.ranker");
  EXPECT_EQ(param_of(R"({"ranker":1})"), "ranking_options.ranker");
  for (const char* threshold : {"-0.1", "1.1", "\"0.5\"", "true", "1e999"})
    EXPECT_EQ(param_of(R"({"score_threshold":)" + std::string(threshold) + "}"),
              "ranking_options.score_threshold");
}

TEST(retrieval_rules, a_threshold_keeps_what_reaches_it) {
  std::vector<passage_hit> hits{hit("s", "a", 0.5), hit("s", "b", 0.3), hit("s", "c", 0.2)};
  rules::keep_from(hits, 0.3);
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[1].file_id, "b");
}

TEST(retrieval_rules, each_file_is_described_once_a_store) {
  const auto places = rules::places_of(
      {hit("s2", "a", 1), hit("s1", "b", 1), hit("s2", "a", 1), hit("s1", "a", 1)});
  EXPECT_EQ(places, (std::vector<file_place>{{"s1", "a"}, {"s1", "b"}, {"s2", "a"}}));
}

TEST(retrieval_rules, hits_carry_what_their_file_is_in_that_store) {
  const std::vector<placed_file> files{{{"s1", "a"}, "a.md", {R"({"n":1})"}},
                                       {{"s2", "a"}, "a.md", {R"({"n":2})"}}};
  const auto found =
      rules::hits_of({hit("s2", "a", 0.9), hit("s1", "gone", 0.8), hit("s1", "a", 0.7)}, files);
  ASSERT_EQ(found.size(), 2u) << "a file that was detached meanwhile is no hit";
  EXPECT_EQ(found[0].attributes.raw, R"({"n":2})");
  EXPECT_EQ(found[0].filename, "a.md");
  EXPECT_EQ(found[0].score, 0.9);
  EXPECT_EQ(found[0].content.at(0).text, "text");
  EXPECT_EQ(found[1].attributes.raw, R"({"n":1})");
}

} // namespace
} // namespace troupe
