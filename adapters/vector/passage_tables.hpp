#pragma once

#include "actors/ports/retrieval_ports.hpp"
#include "adapters/vector/sqlite.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::vector_detail {

/// The word that marks a store's rows in the full-text index, e.g. `s17`.
[[nodiscard]] std::string place_word(std::int64_t number);

/// Settings of a connection, the tokenizer and scoring function.
void prepare_connection(connection& on);

/// Makes or migrates the tables `passage…`. Errors: `version`.
[[nodiscard]] result<done> make_tables(connection& on);

/// The writing side. Belongs to one thread.
class passage_writer {
public:
  explicit passage_writer(connection& on);

  std::int64_t put(const std::string& store, const std::string& file,
                   const std::vector<passage>& passages, const embedder& vectors);
  void remove_file(const std::string& store, const std::string& file);
  void remove_store(const std::string& store);
  /// Removes at most `max` passages, and the store itself with the last of them.
  purge_step purge_store(const std::string& store, std::uint32_t max);
  /// Committed rows of the whole index.
  [[nodiscard]] std::int64_t rows() const noexcept { return rows_; }

private:
  /// Answers how many rows went.
  std::int64_t remove_where(statement& select, statement& erase);
  std::string place_of(const std::string& store, bool make);

  connection& on_;
  statement find_store_, add_store_, erase_store_;
  statement select_file_, erase_file_, select_store_, erase_rows_, select_some_, erase_some_;
  statement insert_, insert_words_, delete_words_;
  std::int64_t rows_ = 0;
};

} // namespace troupe::vector_detail
