#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::llm {

struct sse_event {
  std::string event; ///< the `event:` field; empty: a plain message
  std::string data;  ///< the `data:` lines, joined with newlines
};

/// An incremental parser of server-sent events (WHATWG HTML, 9.2.6): any of the three line ends, a
/// byte order mark, comments, fields without a value. `id` and `retry` are skipped; an event that
/// no blank line ended is never reported. Pure: no clock, no I/O.
class sse_parser {
public:
  static constexpr std::size_t default_bytes_max = std::size_t{1} << 20;

  /// `bytes_max` bounds a line and the data of an event, each.
  explicit sse_parser(std::size_t bytes_max = default_bytes_max) : bytes_max_(bytes_max) {}

  /// Takes the next bytes and appends the events that they complete. False once a line or an event
  /// was past its bound: from then on nothing is parsed any more.
  [[nodiscard]] bool feed(std::string_view bytes, std::vector<sse_event>& out);

private:
  bool take_line(std::string_view line, std::vector<sse_event>& out);
  bool take_field(std::string_view name, std::string_view value);

  std::size_t bytes_max_;
  std::string partial_; // a line whose end has not come
  sse_event current_;
  bool has_data_ = false;  // an empty `data:` line is data as well
  bool first_line_ = true; // the only one that may begin with a byte order mark
  bool after_cr_ = false;  // a line feed that follows belongs to the same line end
  bool overflowed_ = false;
};

} // namespace troupe::llm
