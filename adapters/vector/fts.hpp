#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

struct sqlite3;
struct fts5_api;

/// What Troupe adds to SQLite's full-text search: a tokenizer and a scoring function.
namespace troupe::vector_detail {

/// BM25's saturation and length normalisation, and how much more a word in a heading counts.
inline constexpr double bm25_k1 = 1.2;
inline constexpr double bm25_b = 0.6;
inline constexpr double heading_weight = 2.0;

/// One word as it is indexed, and where it stood.
struct token {
  std::string stem;
  std::size_t start = 0, end = 0; ///< bytes of the text
};

/// Registers on this connection the tokenizer `troupe` (unicode61 without diacritics, Porter stems,
/// pairs of characters where a script has no blanks) and the function
/// `passage_rank(passage_words, weights, among)`: the weighted BM25 of a row. `weights` is a blob
/// of one double a phrase of the query; `among` a blob of sorted row ids outside of which the score
/// is 0 without further work, or empty. False when SQLite was built without FTS5.
[[nodiscard]] bool register_fts(sqlite3* connection);

/// Calls `take` for each word of a text, as the index has it. Needs register_fts before.
void each_token(sqlite3* connection, std::string_view text,
                const std::function<void(const token&)>& take);

} // namespace troupe::vector_detail
