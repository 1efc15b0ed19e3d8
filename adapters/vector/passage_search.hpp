#pragma once

#include "actors/ports/retrieval_ports.hpp"
#include "adapters/vector/sqlite.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::vector_detail {

/// A word of a query: how it is written, what the index calls it, how much it counts.
struct query_term {
  std::string written; ///< quoted in the full-text query
  bool prefix = false; ///< a single character of an unspaced script
  double weight = 1;   ///< times it stands in the question, or an added word's share
  double rarity = 0;   ///< Lucene's idf
  std::int64_t rows = 0;
};

/// The searching side. Belongs to one thread.
class passage_search {
public:
  passage_search(connection& on, const embedder& vectors);

  /// `rows` is the size of the whole index.
  [[nodiscard]] std::vector<passage_hit> find(const search_scope& scope, const std::string& query,
                                              std::uint32_t max, ranking how, std::int64_t rows);

private:
  using terms = std::map<std::string, query_term>; ///< by stem
  using row_ids = std::vector<std::int64_t>;       ///< sorted; empty means any row

  struct scored {
    std::int64_t id = 0;
    double score = 0;
  };

  std::vector<std::string> places_of(const std::vector<std::string>& stores);
  row_ids rows_of(const std::vector<file_place>& files, const std::vector<std::string>& places,
                  const std::vector<std::string>& stores);
  terms terms_of(const std::string& query, std::int64_t rows);
  std::int64_t rows_with(const std::string& stem, bool prefix, std::int64_t rows);
  void leave_out_common(terms& question, std::int64_t rows) const;
  terms with_feedback(const terms& question, const std::vector<scored>& best, std::int64_t rows);
  std::vector<scored> rank(const std::vector<std::string>& places, const terms& words,
                           std::uint32_t max, const row_ids& among);
  void add_near(const std::vector<std::string>& places, const row_ids& among,
                const std::string& query, std::uint32_t max, std::vector<scored>& found);
  template <class Look>
  void each_vector(const std::vector<std::string>& places, const row_ids& among, Look look_at);
  std::vector<passage_hit> load(const std::vector<scored>& found,
                                const std::vector<std::string>& places,
                                const std::vector<std::string>& stores);

  connection& on_;
  const embedder& vectors_;
  statement find_store_, find_rows_, rows_with_, rows_with_prefix_, rank_, rank_listed_, load_;
  statement near_, near_row_;
  std::unordered_map<std::string, std::int64_t> common_; ///< rows of frequent words, see rows_with
  std::int64_t common_rows_ = 0;
};

} // namespace troupe::vector_detail
