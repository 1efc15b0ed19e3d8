#include "adapters/llm/sse_parser.hpp"

#include <utility>

namespace troupe::llm {

bool sse_parser::feed(std::string_view bytes, std::vector<sse_event>& out) {
  while (!bytes.empty() && !overflowed_) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    auto end = bytes.find('\n');
    // A carriage return ends a line as well: look for one before the line feed.
    if (auto cr = bytes.substr(0, end).find('\r'); cr != bytes.npos) end = cr;
    const auto piece = bytes.substr(0, end);
    if (partial_.size() + piece.size() > bytes_max_) {
      overflowed_ = true;
    } else if (end == bytes.npos) {
      partial_.append(piece);
      return true;
    } else {
      after_cr_ = bytes[end] == '\r';
      bytes.remove_prefix(end + 1);
      if (partial_.empty()) {
        overflowed_ = !take_line(piece, out);
      } else {
        partial_.append(piece);
        overflowed_ = !take_line(partial_, out);
        partial_.clear();
      }
    }
  }
  return !overflowed_;
}

bool sse_parser::take_line(std::string_view line, std::vector<sse_event>& out) {
  if (std::exchange(first_line_, false) && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.empty()) {
    if (std::exchange(has_data_, false)) out.push_back(std::move(current_));
    current_ = {};
    return true;
  }
  const auto colon = line.find(':');
  if (colon == line.npos) return take_field(line, {});
  auto value = line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  return take_field(line.substr(0, colon), value);
}

bool sse_parser::take_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    if (current_.data.size() + value.size() + has_data_ > bytes_max_) return false;
    if (std::exchange(has_data_, true)) current_.data.push_back('\n');
    current_.data.append(value);
  } else if (name == "event") {
    current_.event = value;
  }
  return true; // `id`, `retry`, comments (an empty name) and unknown fields
}

} // namespace troupe::llm
