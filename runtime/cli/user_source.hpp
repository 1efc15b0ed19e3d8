#pragma once

#include "messages/base/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

struct source_row {
  std::size_t line = 0; ///< of the file where it begins; of a table: the row's number, from 1
  std::vector<std::string> fields;
};

/// A table of users, read once from its beginning. Blocks; one thread at a time.
class user_source {
public:
  virtual ~user_source() = default;

  /// For people, without a password.
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual const std::vector<std::string>& columns() const noexcept = 0;
  /// How many rows there are; of a table: when it was opened.
  [[nodiscard]] virtual std::uint64_t count() const noexcept = 0;
  /// Once, before the first row: only these columns are wanted, by their number. A file's rows have
  /// all of them nevertheless; answers the columns that rows will have.
  virtual std::vector<std::string> choose(const std::vector<std::size_t>& wanted) = 0;
  /// None: the end. A file's row may have more or fewer fields than columns.
  [[nodiscard]] virtual result<std::optional<source_row>> next() = 0;
};

/// Opens a CSV file or the table of a database's URL. A file is read through once to count its rows
/// and to find what is no CSV before anything is done with it. Errors: `invalid_argument`,
/// `too_large`, `unavailable`.
[[nodiscard]] result<std::unique_ptr<user_source>> open_user_source(const std::string& place);

} // namespace troupe::cli
