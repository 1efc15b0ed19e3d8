#include "runtime/cli/csv.hpp"

#include "messages/base/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace troupe::cli {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Where reading stands in a text.
struct cursor {
  std::string_view text;
  bool at_end = false; ///< nothing comes behind `text`
  std::size_t at = 0;

  [[nodiscard]] bool done() const noexcept { return at == text.size(); }
};

/// False: more text is wanted. The quote at the cursor opens the field.
result<bool> take_quoted(cursor& from, std::string& field) {
  for (++from.at;;) {
    const auto quote = from.text.find('"', from.at);
    if (quote == from.text.npos) {
      if (!from.at_end) return false;
      return fail(errc::invalid_argument, "a quoted field is not closed");
    }
    field += from.text.substr(from.at, quote - from.at);
    from.at = quote + 1;
    if (from.done()) return from.at_end;
    if (from.text[from.at] != '"') break;
    field += '"';
    ++from.at;
  }
  if (std::string_view(",\r\n").contains(from.text[from.at])) return true;
  return fail(errc::invalid_argument, "text stands behind a field's closing quote");
}

result<bool> take_plain(cursor& from, std::string& field) {
  const auto end = std::min(from.text.find_first_of(",\r\n\"", from.at), from.text.size());
  field = from.text.substr(from.at, end - from.at);
  from.at = end;
  if (from.done()) return from.at_end;
  if (from.text[end] != '"') return true;
  return fail(errc::invalid_argument, "a quote stands inside a field that has none around it");
}

/// Takes a line's end; false: more text is wanted. The cursor stands on CR or LF, or is done.
bool take_line_end(cursor& from, std::size_t& lines) {
  if (from.done()) return true;
  ++lines;
  if (from.text[from.at++] == '\n') return true;
  if (from.done()) return from.at_end;
  if (from.text[from.at] == '\n') ++from.at;
  return true;
}

/// Line ends inside quotes count for the lines of a file.
std::size_t line_ends(std::string_view field) {
  std::size_t out = 0;
  for (std::size_t n = 0; n < field.size(); ++n)
    if (field[n] == '\n' || (field[n] == '\r' && (n + 1 == field.size() || field[n + 1] != '\n')))
      ++out;
  return out;
}

std::unexpected<error> too_long() {
  return fail(errc::too_large, "the row has more than " + std::to_string(limits::csv_record_bytes) +
                                   " bytes: is a quote missing?");
}

} // namespace

result<std::optional<csv_record>> read_csv_record(std::string_view text, bool at_end) {
  const bool is_cut = text.size() > limits::csv_record_bytes;
  cursor from{text.substr(0, limits::csv_record_bytes + 1), at_end && !is_cut};
  const auto unfinished = [&]() -> result<std::optional<csv_record>> {
    if (is_cut) return too_long();
    return std::nullopt;
  };
  csv_record out;
  for (;; ++from.at) {
    if (out.fields.size() == limits::csv_fields)
      return fail(errc::too_large,
                  "the row has more than " + std::to_string(limits::csv_fields) + " columns");
    std::string field;
    const bool is_quoted = !from.done() && from.text[from.at] == '"';
    const auto whole = is_quoted ? take_quoted(from, field) : take_plain(from, field);
    if (!whole) return std::unexpected(whole.error());
    if (!*whole) return unfinished();
    out.lines += line_ends(field);
    out.fields.push_back(std::move(field));
    if (from.done() || from.text[from.at] != ',') break;
  }
  if (!take_line_end(from, out.lines)) return unfinished();
  if (from.at > limits::csv_record_bytes) return too_long();
  out.bytes = from.at;
  return out;
}

std::string to_csv(const std::vector<std::string>& fields) {
  std::string out;
  for (const auto& field : fields) {
    if (&field != &fields.front()) out += ',';
    // An only field that is empty would be a blank line.
    const bool quoted =
        field.find_first_of(",\"\r\n") != field.npos || (field.empty() && fields.size() == 1);
    if (!quoted) {
      out += field;
      continue;
    }
    out += '"';
    for (const char c : field) out.append(c == '"' ? 2 : 1, c);
    out += '"';
  }
  return out + "\r\n";
}

csv_file::csv_file(const std::filesystem::path& path)
    : name_(path.string()), in_(path, std::ios::binary) {}

/// False: the file has ended.
bool csv_file::fill() {
  constexpr std::size_t chunk = 256u << 10;
  text_.erase(0, at_);
  at_ = 0;
  const auto before = text_.size();
  text_.resize(before + chunk);
  in_.read(text_.data() + before, static_cast<std::streamsize>(chunk));
  text_.resize(before + static_cast<std::size_t>(in_.gcount()));
  return text_.size() > before;
}

result<std::optional<csv_row>> csv_file::next() {
  const auto wrong = [this](error why) {
    why.message = name_ + " line " + std::to_string(line_) + ": " + why.message;
    return std::unexpected(std::move(why));
  };
  for (bool more = in_.good();;) {
    const auto left = std::string_view(text_).substr(at_);
    if (left.empty() && !more) {
      if (in_.eof() && !in_.bad()) return std::nullopt;
      return fail(errc::unavailable, "cannot read " + name_);
    }
    result<std::optional<csv_record>> record = std::nullopt;
    if (!left.empty()) record = read_csv_record(left, !more);
    if (!record) return wrong(std::move(record.error()));
    if (!*record) {
      more = fill();
      if (line_ == 1 && at_ == 0 && text_.starts_with(byte_order_mark)) text_.erase(0, 3);
      continue;
    }
    csv_row row{line_, std::move((*record)->fields)};
    at_ += (*record)->bytes;
    line_ += (*record)->lines;
    if (row.fields.size() > 1 || !row.fields.front().empty()) return row;
  }
}

} // namespace troupe::cli
