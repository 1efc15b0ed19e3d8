#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

/// What the commands print.
namespace troupe::cli {

[[nodiscard]] bool is_terminal(std::FILE* to);

/// Without control characters but newline and tab: text from documents and models must not steer
/// the user's terminal. UTF-8 passes.
[[nodiscard]] std::string printable(std::string_view text);

/// On one line, at most `width` characters; what is cut is marked by an ellipsis.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t width);

/// Rows with their columns aligned, two blanks between them; a line each.
[[nodiscard]] std::string table_text(const std::vector<std::vector<std::string>>& rows);
void print_table(std::FILE* to, const std::vector<std::vector<std::string>>& rows);

/// A bar that is redrawn on a terminal, and a line for every tenth elsewhere. One thread at a time.
class progress {
public:
  progress(std::FILE* to, std::string label, std::size_t total);

  /// `done` of the total; `what` is shown beside it on a terminal.
  void show(std::size_t done, std::string_view what);
  /// Prints a line above the bar.
  void line(std::string_view text);
  /// Clears the bar.
  void finish();

private:
  void draw();

  std::FILE* to_;
  bool terminal_;
  std::string label_;
  std::size_t total_;
  std::size_t done_ = 0;
  std::size_t tenths_printed_ = 0;
  std::string what_;
};

} // namespace troupe::cli
