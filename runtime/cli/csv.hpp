#pragma once

#include "messages/base/result.hpp"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Tables as text: RFC 4180, with a line's end as CRLF, LF or CR.
namespace troupe::cli {

struct csv_record {
  std::vector<std::string> fields; ///< unquoted; never none
  std::size_t bytes = 0;           ///< of the text that it took, with its line's end
  std::size_t lines = 0;           ///< line ends in that text
};

/// The first record of `text`; none when more text is wanted to know where it ends, which is never
/// so `at_end`. Pure. Errors: `invalid_argument`, `too_large` past limits::csv_record_bytes or
/// limits::csv_fields.
[[nodiscard]] result<std::optional<csv_record>> read_csv_record(std::string_view text, bool at_end);

/// A record with CRLF; what needs quotes gets them.
[[nodiscard]] std::string to_csv(const std::vector<std::string>& fields);

struct csv_row {
  std::size_t line = 0; ///< from 1, where it begins
  std::vector<std::string> fields;
};

/// Reads a file a record at a time. A byte order mark and blank lines are passed over. One thread.
class csv_file {
public:
  explicit csv_file(const std::filesystem::path& path);
  /// The next record; none: the end. Errors as of read_csv_record with the line in the message,
  /// `unavailable` when the file cannot be read.
  [[nodiscard]] result<std::optional<csv_row>> next();

private:
  [[nodiscard]] bool fill();

  const std::string name_;
  std::ifstream in_;
  std::string text_; // what was read and not taken begins at at_
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

} // namespace troupe::cli
