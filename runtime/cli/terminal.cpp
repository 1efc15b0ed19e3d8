#include "runtime/cli/terminal.hpp"

#include <unistd.h>
#include <algorithm>

namespace troupe::cli {
namespace {

/// Characters, not bytes: continuation bytes of UTF-8 do not count.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

bool is_control(unsigned char c) {
  return c < 0x20 || c == 0x7f;
}

} // namespace

bool is_terminal(std::FILE* to) {
  return ::isatty(::fileno(to)) == 1;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F, in UTF-8 C2 80 to C2 9F, are control characters too.
    if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      ++i;
    } else if (!is_control(c) || c == '\n' || c == '\t') {
      out += text[i];
    }
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t width) {
  std::string line = printable(text);
  std::ranges::replace_if(line, [](unsigned char c) { return is_control(c); }, ' ');
  if (width_of(line) <= width) return line;
  std::size_t end = 0;
  for (std::size_t seen = 0; end < line.size(); ++end) {
    if ((static_cast<unsigned char>(line[end]) & 0xC0) != 0x80 && ++seen == width) break;
  }
  return line.substr(0, end) + "…";
}

std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

void print_table(std::FILE* to, const std::vector<std::vector<std::string>>& rows) {
  std::fputs(table_text(rows).c_str(), to);
}

progress::progress(std::FILE* to, std::string label, std::size_t total)
    : to_(to), terminal_(is_terminal(to)), label_(std::move(label)), total_(total) {}

void progress::show(std::size_t done, std::string_view what) {
  done_ = std::min(done, total_);
  what_ = shortened(what, 40);
  if (terminal_) return draw();
  const std::size_t tenths = total_ == 0 ? 10 : done_ * 10 / total_;
  if (tenths <= tenths_printed_) return;
  tenths_printed_ = tenths;
  std::fprintf(to_, "%s: %zu of %zu\n", label_.c_str(), done_, total_);
  std::fflush(to_);
}

void progress::line(std::string_view text) {
  if (terminal_) std::fputs("\r\x1b[K", to_);
  std::fprintf(to_, "%.*s\n", static_cast<int>(text.size()), text.data());
  if (terminal_) draw();
}

void progress::finish() {
  if (terminal_) std::fputs("\r\x1b[K", to_);
  std::fflush(to_);
}

void progress::draw() {
  constexpr std::size_t cells = 30;
  const std::size_t full = total_ == 0 ? cells : done_ * cells / total_;
  const std::string bar = std::string(full, '#') + std::string(cells - full, '.');
  std::fprintf(to_, "\r\x1b[K%s [%s] %zu/%zu  %s", label_.c_str(), bar.c_str(), done_, total_,
               what_.c_str());
  std::fflush(to_);
}

} // namespace troupe::cli
