#include "adapters/documents/blocks.hpp"
#include "adapters/documents/utf8.hpp"

namespace troupe::documents {
namespace {

constexpr std::size_t title_bytes_max = 200;

std::string_view next_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return line;
}

/// Wrapped prose is joined; anything that looks laid out (indented, tabular) keeps its lines.
bool looks_laid_out(std::string_view paragraph) {
  std::size_t lines = 0, odd = 0;
  while (!paragraph.empty()) {
    const auto line = next_line(paragraph);
    ++lines;
    if (line.starts_with("  ") || line.starts_with('\t') || line.size() < 40) ++odd;
  }
  return lines > 1 && odd * 2 > lines;
}

} // namespace

std::vector<block> read_text(std::string_view text) {
  block_list blocks;
  std::string paragraph;
  std::size_t lines = 0;
  const auto end_paragraph = [&](bool more_follows) {
    const bool title = blocks.empty() && lines == 1 && more_follows &&
                       trimmed(paragraph).size() <= title_bytes_max;
    if (title)
      blocks.add(block_kind::heading, paragraph, 1);
    else
      blocks.add(looks_laid_out(paragraph) ? block_kind::lines : block_kind::prose, paragraph);
    paragraph.clear();
    lines = 0;
  };
  while (!text.empty()) {
    const auto line = next_line(text);
    if (!trimmed(line).empty()) {
      paragraph.append(line).append("\n");
      ++lines;
    } else if (lines > 0) {
      end_paragraph(!trimmed(text).empty());
    }
  }
  if (lines > 0) end_paragraph(false);
  return blocks.take();
}

} // namespace troupe::documents
