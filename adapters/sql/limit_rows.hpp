#pragma once

#include "actors/ports/limit_book.hpp"
#include "adapters/sql/database.hpp"
#include "adapters/sql/escaped_text.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Inside adapters/sql only: how counters and reservations lie in their tables.
namespace troupe::sql {

/// A row of limit_counters or limit_records: `text` is its state or its wants. Names are escaped
/// (escaped_text.hpp).
struct limit_row {
  std::string text;
  std::int64_t expires_at = 0; ///< milliseconds of the server's clock
};
using limit_rows = std::map<std::string, limit_row>; ///< by name, in the order of locking

/// `28333333 5 28333334 1`: number and amount of each bucket; of a stream, id and end of each
/// lease.
[[nodiscard]] limit_row row_of(const limit_rules::counter& from);
/// `name` says what it counts (limit_book::name_of). Throws for a text that is not ours.
[[nodiscard]] limit_rules::counter counter_of(std::string_view name, std::string_view text);

/// `name bucket amount lease` of each want.
[[nodiscard]] limit_row row_of(const limit_rules::record& from);
[[nodiscard]] limit_rules::record record_of(const limit_row& row);

/// A table of such rows. All throw what SOCI throws. Statements carry `rows_a_statement` rows.
class limit_table {
public:
  static constexpr std::size_t rows_a_statement = 128;

  /// `limit_counters` with `state`, or `limit_records` with `wants`.
  limit_table(soci::session& session, const engine& on, const char* table, const char* text)
      : session_(session), on_(on), table_(table), text_(text) {}

  /// Those that are there.
  [[nodiscard]] limit_rows read(const std::vector<std::string>& names) const;
  /// Makes those that are not there and locks all, in the order of `names`.
  void lock(const std::vector<std::string>& names) const;
  /// Throws a conflict when one is there.
  void insert(const limit_rows& rows) const { put(rows, {}); }
  void replace(const limit_rows& rows) const;
  /// Deletes rows that ended before this time, in the order of their names; how many.
  std::size_t sweep(std::int64_t ended_before) const;

private:
  void put(const limit_rows& rows, const std::string& behind) const;

  soci::session& session_;
  const engine& on_;
  const std::string table_, text_;
};

} // namespace troupe::sql
