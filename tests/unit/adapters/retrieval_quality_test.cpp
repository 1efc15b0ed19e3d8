// Goal: what is found on public test collections does not get worse unnoticed.
// Method: each document goes through the reader as a text file of title and text; every judged
// question is searched for 30 passages, the best passage of a file counts; nDCG@10 with graded
// gains, ideal over all judged. Skipped where the collections are not at hand.
#include "adapters/documents/document_reader.hpp"
#include "adapters/vector/passage_index.hpp"
#include "tests/unit/adapters/waiting.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

namespace troupe {
namespace {

namespace fs = std::filesystem;
using test::wait_for;

std::vector<boost::json::object> json_lines(const fs::path& path) {
  std::vector<boost::json::object> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) lines.push_back(boost::json::parse(line).as_object());
  return lines;
}

std::string text_of(const boost::json::object& from, const char* name) {
  return std::string(from.at(name).as_string());
}

class collection {
public:
  explicit collection(const fs::path& folder) : questions_(json_lines(folder / "queries.jsonl")) {
    std::ifstream file(folder / "qrels.tsv");
    std::string line;
    for (std::getline(file, line); std::getline(file, line);) {
      std::istringstream fields(line);
      std::string query, document;
      int gain = 0;
      fields >> query >> document >> gain;
      if (gain > 0) gains_[query][document] = gain;
    }
    const auto reader = make_document_reader();
    for (const auto& document : json_lines(folder / "corpus.jsonl")) {
      auto text = text_of(document, "title") + "\n\n" + text_of(document, "text");
      auto passages = wait_for<std::vector<passage>>([&](auto answer) {
        reader->read(text_of(document, "id") + ".txt", std::move(text), std::move(answer));
      });
      if (!passages) continue; // a few documents of Cranfield are empty
      const auto put = wait_for<std::int64_t>([&](auto answer) {
        index_->put("all", text_of(document, "id"), std::move(*passages), std::move(answer));
      });
      EXPECT_TRUE(put);
    }
  }

  double ndcg_at_10(ranking how) {
    double sum = 0;
    for (const auto& question : questions_) {
      const auto judged = gains_.find(text_of(question, "id"));
      if (judged != gains_.end()) sum += ndcg_of(text_of(question, "text"), judged->second, how);
    }
    return sum / static_cast<double>(gains_.size());
  }

private:
  double ndcg_of(const std::string& question, const std::map<std::string, int>& gains,
                 ranking how) {
    const auto hits = wait_for<std::vector<passage_hit>>(
        [&](auto answer) { index_->search({{"all"}, {}}, question, 30, how, std::move(answer)); });
    std::vector<std::string> files;
    for (const auto& hit : hits.value())
      if (std::ranges::find(files, hit.file_id) == files.end()) files.push_back(hit.file_id);
    std::vector<int> ideal;
    for (const auto& [file, gain] : gains) ideal.push_back(gain);
    std::ranges::sort(ideal, std::greater<>());
    double found = 0, best = 0;
    for (std::size_t n = 0; n < 10; ++n) {
      const double discount = std::log2(static_cast<double>(n) + 2);
      if (n < files.size() && gains.contains(files[n])) found += gains.at(files[n]) / discount;
      if (n < ideal.size()) best += ideal[n] / discount;
    }
    return found / best;
  }

  std::unique_ptr<passage_index> index_ = make_memory_passage_index(make_hashing_embedder());
  std::vector<boost::json::object> questions_;
  std::map<std::string, std::map<std::string, int>> gains_;
};

void expect_quality(const char* name, double bm25_least, double automatic_least) {
  const auto folder = fs::path(TROUPE_SOURCE_DIR) / "../shared/data/retrieval" / name;
  if (!fs::exists(folder)) GTEST_SKIP() << "no " << folder;
  collection set(folder);
  const double bm25 = set.ndcg_at_10(ranking::bm25), automatic = set.ndcg_at_10(ranking::automatic);
  std::cout << name << " nDCG@10: bm25 " << bm25 << ", automatic " << automatic << '\n';
  EXPECT_GE(bm25, bm25_least);
  EXPECT_GE(automatic, automatic_least);
}

TEST(retrieval_quality, cranfield_is_found_at_least_as_well_as_by_plain_fts5) {
  expect_quality("cranfield", 0.362, 0.362);
}

TEST(retrieval_quality, cacm_is_found_about_as_well_as_by_the_published_bm25) {
  expect_quality("cacm", 0.4728 - 0.005, 0.4728 - 0.005);
}

} // namespace
} // namespace troupe
