#pragma once

#include "messages/base/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Reads another program's table, a page at a time in the order of its key, so that a page costs
/// its own rows. Never writes. Blocks; one thread at a time. Errors: `unavailable` with what the
/// database says.
class table_reader {
public:
  virtual ~table_reader() = default;

  /// `mysql://host:3306/database table users`, without a password.
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual const std::vector<std::string>& columns() const noexcept = 0;
  [[nodiscard]] virtual result<std::uint64_t> count() = 0;
  /// The next rows with these columns (some of columns()), as the database shows them in text;
  /// bytes in hex, null as an empty text. At most `limit`; none: the end.
  [[nodiscard]] virtual result<std::vector<std::vector<std::string>>> next_page(
      const std::vector<std::string>& columns, std::uint32_t limit) = 0;
};

/// Whether `text` is the URL of a database rather than a file.
[[nodiscard]] bool is_table_url(std::string_view text);

/// `mysql://user:password@host/database?table=users&key=id`, or `postgresql://…`, with the options
/// of an sql_config's URL. Without `table` it is `users`; `key` is a column whose values are unique
/// and never null, and need not be said of a primary key of one column. Errors: `invalid_argument`
/// for a URL, table or key that cannot be used, `unavailable`.
[[nodiscard]] result<std::unique_ptr<table_reader>> open_table(std::string_view url);

} // namespace troupe
