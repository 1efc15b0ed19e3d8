// Goal: passages are found by their words in any script, only in the stores asked for, best first,
// and they outlive the process; every failure is an answer.
// Method: small stores with known best answers, on disk and in memory; damaged and newer files.
#include "adapters/vector/passage_index.hpp"
#include "messages/base/limits.hpp"
#include "tests/unit/adapters/waiting.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace troupe {
namespace {

namespace fs = std::filesystem;
using test::wait_for;
using hits = std::vector<passage_hit>;

class temporary_folder {
public:
  temporary_folder() {
    auto pattern = (fs::temp_directory_path() / "troupe-index-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~temporary_folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string file() const { return (path_ / "prompt.db").string(); }

private:
  fs::path path_;
};

std::string numbered(std::string name, int number) {
  return name += std::to_string(number);
}

std::vector<passage> texts(std::initializer_list<std::string> all,
                           const std::string& heading = {}) {
  std::vector<passage> made;
  for (const auto& text : all)
    made.push_back({static_cast<std::uint32_t>(made.size()), heading, text});
  return made;
}

result<std::int64_t> put(passage_index& to, std::string store, std::string file,
                         std::vector<passage> passages) {
  return wait_for<std::int64_t>([&](auto answer) {
    to.put(std::move(store), std::move(file), std::move(passages), std::move(answer));
  });
}

hits find_in(passage_index& in, search_scope scope, std::string query, std::uint32_t max = 10,
             ranking how = ranking::automatic) {
  auto found = wait_for<hits>([&](auto answer) {
    in.search(std::move(scope), std::move(query), max, how, std::move(answer));
  });
  EXPECT_TRUE(found) << (found ? "" : found.error().message);
  return found.value_or(hits{});
}

hits find(passage_index& in, std::vector<std::string> stores, std::string query,
          std::uint32_t max = 10, ranking how = ranking::automatic) {
  return find_in(in, {std::move(stores), {}}, std::move(query), max, how);
}

std::unique_ptr<passage_index> open(const std::string& path) {
  auto index = open_passage_index(path, make_hashing_embedder());
  EXPECT_TRUE(index) << (index ? "" : index.error().message);
  return std::move(index).value();
}

/// Every test runs against the file and the memory index.
class passage_index_of : public testing::TestWithParam<bool> {
protected:
  temporary_folder folder_;
  std::unique_ptr<passage_index> index_ =
      GetParam() ? open(folder_.file()) : make_memory_passage_index(make_hashing_embedder());
};
INSTANTIATE_TEST_SUITE_P(both, passage_index_of, testing::Bool(),
                         [](const auto& way) { return way.param ? "file" : "memory"; });

TEST_P(passage_index_of, a_passage_is_found_by_its_words_and_comes_with_its_place) {
  ASSERT_TRUE(put(*index_, "vs_1", "file-1",
                  texts({"The edge listens on a port.", "Fargate runs tasks."})));
  const auto found = find(*index_, {"vs_1"}, "What does Fargate run?");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].vector_store_id, "vs_1");
  EXPECT_EQ(found[0].file_id, "file-1");
  EXPECT_EQ(found[0].ordinal, 1u);
  EXPECT_EQ(found[0].text, "Fargate runs tasks.");
  EXPECT_GT(found[0].score, 0);
  EXPECT_LE(found[0].score, 1);
}

TEST_P(passage_index_of, better_matches_come_first_with_higher_scores) {
  for (int n = 0; n < 30; ++n)
    ASSERT_TRUE(put(*index_, "s", numbered("noise", n),
                    texts({"Other matters of the day, none of note."})));
  ASSERT_TRUE(put(*index_, "s", "one",
                  texts({"A token is a thing among many other things that one has."})));
  ASSERT_TRUE(put(*index_, "s", "both", texts({"A refresh token rotates."})));
  for (const auto how : {ranking::bm25, ranking::automatic}) {
    const auto found = find(*index_, {"s"}, "refresh token", 10, how);
    ASSERT_GE(found.size(), 2u);
    EXPECT_EQ(found[0].file_id, "both");
    EXPECT_EQ(found[1].file_id, "one");
    for (std::size_t n = 1; n < found.size(); ++n) EXPECT_LE(found[n].score, found[n - 1].score);
  }
}

TEST_P(passage_index_of, a_word_in_the_heading_finds_and_counts_more) {
  ASSERT_TRUE(put(*index_, "s", "a", texts({"It mentions regions once in passing."}, "Other")));
  ASSERT_TRUE(put(*index_, "s", "b", texts({"It says which ones there are today."}, "Regions")));
  const auto found = find(*index_, {"s"}, "regions");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].file_id, "b");
}

TEST_P(passage_index_of, a_word_that_most_passages_of_a_small_store_have_still_finds_them_all) {
  ASSERT_TRUE(put(*index_, "s", "a", texts({"Fargate runs tasks.", "Fargate has regions."})));
  ASSERT_TRUE(put(*index_, "s", "b", texts({"Something else runs."})));
  EXPECT_EQ(find(*index_, {"s"}, "fargate runs", 10, ranking::bm25).size(), 3u);
}

TEST_P(passage_index_of, other_forms_of_an_english_word_are_found) {
  ASSERT_TRUE(put(*index_, "s", "a", texts({"Connections are pooled."})));
  EXPECT_EQ(find(*index_, {"s"}, "connection pooling").size(), 1u);
}

TEST_P(passage_index_of, scripts_without_blanks_are_found_by_a_part_of_a_run) {
  ASSERT_TRUE(
      put(*index_, "s", "ja", texts({"依存性注入システムはとても強力です。APIキーを作る。"})));
  ASSERT_TRUE(put(*index_, "s", "zh", texts({"数据库连接池的配置方法。"})));
  ASSERT_TRUE(put(*index_, "s", "ko", texts({"데이터베이스연결을 설정합니다."})));
  ASSERT_TRUE(put(*index_, "s", "th", texts({"การเชื่อมต่อฐานข้อมูล"})));
  const std::vector<std::pair<std::string, std::string>> cases{
      {"依存性", "ja"}, {"とても強力", "ja"},   {"API", "ja"},  {"キー", "ja"}, {"连接池", "zh"},
      {"配置", "zh"},   {"데이터베이스", "ko"}, {"연결", "ko"}, {"ข้อมูล", "th"}};
  for (const auto& [query, file] : cases) {
    const auto found = find(*index_, {"s"}, query);
    ASSERT_FALSE(found.empty()) << query;
    EXPECT_EQ(found[0].file_id, file) << query;
  }
}

TEST_P(passage_index_of, a_single_character_is_found_wherever_it_stands) {
  ASSERT_TRUE(put(*index_, "s", "a", texts({"東京都"})));
  for (const char* character : {"東", "京", "都"})
    EXPECT_EQ(find(*index_, {"s"}, character).size(), 1u) << character;
  EXPECT_TRUE(find(*index_, {"s"}, "北").empty());
}

TEST_P(passage_index_of, accents_and_case_do_not_matter_and_indian_words_stay_whole) {
  ASSERT_TRUE(put(*index_, "s", "a", texts({"Le Café est ouvert. ПРИВЕТ мир. डेटाबेस कनेक्शन"})));
  for (const char* query : {"cafe", "CAFÉ", "привет", "डेटाबेस"})
    EXPECT_EQ(find(*index_, {"s"}, query).size(), 1u) << query;
  EXPECT_TRUE(find(*index_, {"s"}, "टाब").empty()) << "a part of a word is no word";
}

TEST_P(passage_index_of, only_the_stores_asked_for_are_searched) {
  for (int n = 0; n < 40; ++n)
    ASSERT_TRUE(put(*index_, numbered("s", n), numbered("f", n), texts({"the common word"})));
  const auto one = find(*index_, {"s7"}, "common", 50);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].file_id, "f7");
  EXPECT_EQ(find(*index_, {"s1", "s2", "unknown"}, "common", 50).size(), 2u);
  EXPECT_TRUE(find(*index_, {"unknown"}, "common").empty());
  EXPECT_TRUE(find(*index_, {}, "common").empty());
  std::vector<std::string> many;
  for (int n = 0; n < 38; ++n) many.push_back(numbered("s", n));
  const auto found = find(*index_, many, "common", 50);
  EXPECT_EQ(found.size(), 38u);
  for (const auto& hit : found) EXPECT_EQ(hit.vector_store_id.substr(1), hit.file_id.substr(1));
}

TEST_P(passage_index_of, a_scope_of_files_is_searched_before_the_best_are_taken) {
  for (int n = 0; n < 60; ++n)
    ASSERT_TRUE(put(*index_, "s", numbered("better", n), texts({"whale whale whale"})));
  ASSERT_TRUE(put(*index_, "s", "worse", texts({"Between many other words there is one whale."})));
  for (const auto how : {ranking::bm25, ranking::automatic}) {
    const auto found = find_in(*index_, {{"s"}, {{{"s", "worse"}}}}, "whale", 2, how);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].file_id, "worse");
    const auto two =
        find_in(*index_, {{"s"}, {{{"s", "better7"}, {"s", "worse"}}}}, "whale", 5, how);
    ASSERT_EQ(two.size(), 2u);
    EXPECT_EQ(two[0].file_id, "better7");
  }
}

TEST_P(passage_index_of, a_scope_of_files_holds_in_a_large_index_too) {
  for (int n = 0; n < 300; ++n)
    ASSERT_TRUE(put(*index_, "s", numbered("f", n),
                    texts({numbered("The harbour crane number", n), "Other words altogether."})));
  const auto found = find_in(*index_, {{"s"}, {{{"s", "f5"}, {"s", "f6"}}}}, "harbour crane", 50);
  ASSERT_GE(found.size(), 2u);
  for (const auto& hit : found) EXPECT_TRUE(hit.file_id == "f5" || hit.file_id == "f6");
}

TEST_P(passage_index_of, passages_that_only_share_parts_of_words_stay_in_the_scope) {
  ASSERT_TRUE(put(*index_, "s", "exact", texts({"connection"})));
  ASSERT_TRUE(put(*index_, "s", "near", texts({"connectionpool"})));
  ASSERT_TRUE(put(*index_, "s", "near too", texts({"connectionpools"})));
  ASSERT_EQ(find(*index_, {"s"}, "connection").size(), 3u) << "else this test shows nothing";
  const std::vector<file_place> files{{"s", "exact"}, {"s", "near"}, {"s", "near"}};
  const auto found = find_in(*index_, {{"s"}, files}, "connection");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].file_id, "exact");
  EXPECT_EQ(found[1].file_id, "near");
}

TEST_P(passage_index_of, a_file_in_two_stores_is_in_scope_only_where_it_is_named) {
  ASSERT_TRUE(put(*index_, "one", "f", texts({"a whale"})));
  ASSERT_TRUE(put(*index_, "two", "f", texts({"a whale"})));
  const auto found = find_in(*index_, {{"one", "two"}, {{{"two", "f"}}}}, "whale");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].vector_store_id, "two");
}

TEST_P(passage_index_of, a_scope_without_files_or_outside_its_stores_finds_nothing) {
  ASSERT_TRUE(put(*index_, "s", "f", texts({"a whale"})));
  ASSERT_TRUE(put(*index_, "other", "f", texts({"a whale"})));
  using files = std::vector<file_place>;
  for (const auto& scope : {files{}, files{{"s", "g"}, {"nowhere", "f"}}, files{{"other", "f"}}})
    EXPECT_TRUE(find_in(*index_, {{"s"}, scope}, "whale").empty());
}

TEST_P(passage_index_of, a_store_may_have_any_name) {
  const std::string odd = "a \"b\" ' OR * NEAR(\x01) ストア";
  ASSERT_TRUE(put(*index_, odd, "f", texts({"found here"})));
  const auto found = find(*index_, {odd}, "found");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].vector_store_id, odd);
}

TEST_P(passage_index_of, any_text_is_a_query) {
  ASSERT_TRUE(put(*index_, "s", "f", texts({"quoted text near here", "and more or less not it"})));
  for (const auto& query :
       {std::string("\"quoted"), std::string("text* OR"), std::string("NEAR(text here)"),
        std::string("heading: text"), std::string("-text ^here + (text"),
        std::string("text\0here", 9), std::string("text \xff\xfe\xc3"),
        std::string("'; drop table passage; -- text"), std::string(1u << 20, ' ') + "x",
        std::string(1u << 20, 'x')})
    find(*index_, {"s"}, query); // answers without an error
  for (const char* query : {"", " ", "?!", "\"", "*", "😀", "zzz unknown"})
    EXPECT_TRUE(find(*index_, {"s"}, query).empty()) << query;
  std::string long_query;
  for (int n = 0; n < 5000; ++n) long_query += numbered("word", n) + ' ';
  EXPECT_EQ(find(*index_, {"s"}, "quoted " + long_query).size(), 1u);
  EXPECT_FALSE(find(*index_, {"s"}, "and or not near text").empty()) << "operators are words";
}

TEST_P(passage_index_of, at_most_the_asked_number_is_answered) {
  for (int n = 0; n < 80; ++n)
    ASSERT_TRUE(put(*index_, "s", numbered("f", n), texts({numbered("word ", n)})));
  EXPECT_EQ(find(*index_, {"s"}, "word", 1).size(), 1u);
  EXPECT_EQ(find(*index_, {"s"}, "word", 50).size(), 50u);
  EXPECT_EQ(find(*index_, {"s"}, "word", 1000).size(), 50u);
  EXPECT_EQ(find(*index_, {"s"}, "word", 0).size(), 1u);
}

TEST_P(passage_index_of, a_file_put_again_replaces_what_it_had_in_this_store_only) {
  ASSERT_TRUE(put(*index_, "s", "f", texts({"old words", "more old words"})));
  ASSERT_TRUE(put(*index_, "t", "f", texts({"old words"})));
  ASSERT_TRUE(put(*index_, "s", "f", texts({"new words"})));
  EXPECT_TRUE(find(*index_, {"s"}, "old", 10, ranking::bm25).empty());
  EXPECT_EQ(find(*index_, {"s"}, "new").size(), 1u);
  EXPECT_EQ(find(*index_, {"t"}, "old").size(), 1u);
}

TEST_P(passage_index_of, a_removed_file_or_store_is_not_found_and_removing_twice_is_fine) {
  ASSERT_TRUE(put(*index_, "s", "f", texts({"some words"})));
  ASSERT_TRUE(put(*index_, "s", "g", texts({"some words"})));
  for (int n = 0; n < 2; ++n) {
    EXPECT_TRUE(
        wait_for<done>([&](auto answer) { index_->remove_file("s", "f", std::move(answer)); }));
    EXPECT_EQ(find(*index_, {"s"}, "words").size(), 1u);
  }
  for (int n = 0; n < 2; ++n) {
    EXPECT_TRUE(wait_for<done>([&](auto answer) { index_->remove_store("s", std::move(answer)); }));
    EXPECT_TRUE(find(*index_, {"s"}, "words").empty());
  }
  EXPECT_TRUE(
      wait_for<done>([&](auto answer) { index_->remove_file("x", "y", std::move(answer)); }));
}

TEST_P(passage_index_of, a_put_says_how_many_bytes_it_took) {
  const auto bytes = put(*index_, "s", "f", texts({"0123456789"}, "head"));
  ASSERT_TRUE(bytes);
  EXPECT_EQ(*bytes, 10 + 4 + 256 * 4);
  EXPECT_EQ(put(*index_, "s", "f", {}), result<std::int64_t>(0));
}

TEST_P(passage_index_of, few_hits_are_filled_up_with_passages_that_share_parts_of_words) {
  ASSERT_TRUE(put(*index_, "s", "a", texts({"Die Datenbank ist bereit."})));
  ASSERT_TRUE(put(*index_, "s", "b", texts({"Datenbankverbindung Datenbanken"})));
  ASSERT_TRUE(put(*index_, "s", "c", texts({"Ein Spaziergang im Park."})));
  const auto found = find(*index_, {"s"}, "Datenbank", 10);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].file_id, "a");
  EXPECT_EQ(found[1].file_id, "b");
  EXPECT_LT(found[1].score, found[0].score);
  EXPECT_EQ(find(*index_, {"s"}, "Datenbank", 10, ranking::bm25).size(), 1u);
}

TEST_P(passage_index_of, writers_and_readers_at_once_all_get_their_answers) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int n = 0; n < 25; ++n) {
        const auto name = std::to_string(t) + numbered("_", n);
        if (!put(*index_, numbered("s", t), name, texts({std::string("shared ").append(name)})))
          ++wrong;
        const auto found = find(*index_, {numbered("s", t)}, "shared", 50);
        if (found.size() != static_cast<std::size_t>(n + 1)) ++wrong; // what was answered is seen
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(passage_index_of, jobs_past_the_queue_are_overloaded_and_waiting_ones_dropped_at_the_end) {
  constexpr int jobs = static_cast<int>(limits::store_queue) + 3000;
  std::atomic<int> answered{0}, overloaded{0};
  for (int n = 0; n < jobs; ++n)
    index_->put("s", numbered("f", n), texts({"word"}), reply<std::int64_t>([&](auto outcome) {
                  if (!outcome && outcome.error().code == errc::overloaded) ++overloaded;
                  ++answered;
                }));
  index_.reset();
  EXPECT_EQ(answered, jobs);
  EXPECT_GT(overloaded, 0);
}

TEST_P(passage_index_of, a_store_is_purged_in_steps_and_no_other_is_touched) {
  const auto step = [&](std::string store, std::uint32_t max) {
    return wait_for<purge_step>(
               [&](auto answer) { index_->purge_store(std::move(store), max, std::move(answer)); })
        .value();
  };
  ASSERT_TRUE(put(*index_, "s", "f", texts({"word one", "word two", "word three"})));
  ASSERT_TRUE(put(*index_, "s", "g", texts({"word four", "word five"})));
  ASSERT_TRUE(put(*index_, "t", "f", texts({"word of another"})));
  EXPECT_EQ(step("s", 2).deleted, 2u);
  EXPECT_EQ(find(*index_, {"s"}, "word").size(), 3u);
  EXPECT_TRUE(step("s", 2).more);
  const auto last = step("s", 2);
  EXPECT_EQ(last.deleted, 1u);
  EXPECT_FALSE(last.more);
  EXPECT_TRUE(find(*index_, {"s"}, "word").empty());
  EXPECT_EQ(find(*index_, {"t"}, "word").size(), 1u);
  EXPECT_EQ(step("s", 2).deleted, 0u);
  EXPECT_EQ(step("never was", 2).deleted, 0u);
}

TEST(passage_index, passages_are_there_after_it_is_opened_again) {
  const temporary_folder folder;
  ASSERT_TRUE(put(*open(folder.file()), "vs_1", "file-1", texts({"kept on disk", "second"})));
  const auto again = open(folder.file());
  const auto found = find(*again, {"vs_1"}, "disk");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].file_id, "file-1");
  ASSERT_TRUE(put(*again, "vs_1", "file-1", texts({"replaced"})));
  EXPECT_TRUE(find(*again, {"vs_1"}, "disk", 10, ranking::bm25).empty());
}

TEST(passage_index, a_removed_store_s_number_is_not_given_to_another) {
  const temporary_folder folder;
  const auto index = open(folder.file());
  ASSERT_TRUE(put(*index, "a", "f", texts({"word"})));
  EXPECT_TRUE(wait_for<done>([&](auto answer) { index->remove_store("a", std::move(answer)); }));
  ASSERT_TRUE(put(*index, "b", "g", texts({"word"})));
  EXPECT_EQ(find(*index, {"a", "b"}, "word").size(), 1u);
}

void execute(const std::string& file, const char* sql) {
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &raw), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
  sqlite3_close(raw);
}

TEST(passage_index, it_lives_beside_the_tables_of_others_in_one_file) {
  const temporary_folder folder;
  execute(folder.file(), "create table file(id text); insert into file values('x')");
  {
    const auto index = open(folder.file());
    ASSERT_TRUE(put(*index, "s", "f", texts({"word"})));
    execute(folder.file(), "insert into file values('y')");
    ASSERT_TRUE(put(*index, "s", "g", texts({"word"})));
  }
  EXPECT_EQ(find(*open(folder.file()), {"s"}, "word").size(), 2u);
}

TEST(passage_index, a_file_of_a_newer_program_is_refused_and_left_alone) {
  const temporary_folder folder;
  open(folder.file()).reset();
  execute(folder.file(), "update passage_meta set value='99' where name='schema'");
  const auto index = open_passage_index(folder.file(), make_hashing_embedder());
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().code, errc::version);
}

TEST(passage_index, a_file_that_cannot_be_opened_or_is_no_database_is_unavailable) {
  const temporary_folder folder;
  std::ofstream(folder.file()) << std::string(8192, 'x');
  for (const auto& path : {std::string("/nonexistent/folder/x.db"), folder.file()}) {
    const auto index = open_passage_index(path, make_hashing_embedder());
    ASSERT_FALSE(index);
    EXPECT_EQ(index.error().code, errc::unavailable);
  }
}

} // namespace
} // namespace troupe
