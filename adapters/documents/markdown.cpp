#include "adapters/documents/blocks.hpp"
#include "adapters/documents/html.hpp"
#include "adapters/documents/utf8.hpp"

#include <cmark.h>
#include <algorithm>
#include <memory>
#include <utility>

namespace troupe::documents {
namespace {

/// Past these, text is no prose that a person wrote, and cmark may need quadratic time for it: it
/// is read as plain text.
constexpr std::size_t paragraph_bytes_max = 128u << 10;
constexpr std::size_t container_marks_max = 64;

std::string_view line_at(std::string_view text, std::size_t at) {
  return text.substr(at, text.find('\n', at) - at);
}

bool is_written_by_people(std::string_view text) {
  std::size_t paragraph = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto line = line_at(text, at);
    paragraph = trimmed(line).empty() ? 0 : paragraph + line.size() + 1;
    std::size_t marks = 0;
    for (const char c : line) {
      if (c == '>' || c == '-' || c == '*' || c == '+')
        ++marks;
      else if (c != ' ' && c != '\t')
        break;
    }
    // A long rule (-----) has marks too, but no other text in the line.
    const bool only_marks = line.find_first_not_of("-*+ \t") == line.npos && !line.contains("- -");
    if (paragraph > paragraph_bytes_max || (marks > container_marks_max && !only_marks))
      return false;
    at += line.size() + 1;
  }
  return true;
}

/// Takes a YAML front matter off the front; its title becomes the document's.
std::string_view skip_front_matter(std::string_view text, block_list& blocks) {
  if (!text.starts_with("---\n")) return text;
  const auto end = text.find("\n---\n", 3);
  if (end == text.npos) return text;
  for (std::size_t at = 4; at < end;) {
    const auto line = line_at(text, at);
    if (line.starts_with("title:")) {
      auto title = trimmed(line.substr(6));
      if (title.size() >= 2 && (title.front() == '"' || title.front() == '\'') &&
          title.back() == title.front())
        title = title.substr(1, title.size() - 2);
      blocks.add(block_kind::heading, title, 1);
    }
    at += line.size() + 1;
  }
  return text.substr(end + 5);
}

/// `Title { #anchor }`, as some generators want it, without the braces.
std::string_view without_attributes(std::string_view heading) {
  heading = trimmed(heading);
  if (!heading.ends_with('}')) return heading;
  const auto open = heading.rfind('{');
  return open == heading.npos || open == 0 ? heading : trimmed(heading.substr(0, open));
}

bool is_table_rule(std::string_view line) {
  return line.contains('-') && line.contains('|') && line.find_first_not_of("|-: \t") == line.npos;
}

/// CommonMark knows no tables: they come as paragraphs. Rows keep their lines, the rule is dropped.
bool add_table(std::string_view paragraph, block_list& blocks) {
  const auto first = line_at(paragraph, 0);
  if (first.size() >= paragraph.size() || !is_table_rule(line_at(paragraph, first.size() + 1)))
    return false;
  std::string rows;
  for (std::size_t at = 0; at < paragraph.size();) {
    const auto line = line_at(paragraph, at);
    at += line.size() + 1;
    if (is_table_rule(line)) continue;
    auto row = trimmed(line);
    if (row.starts_with('|')) row.remove_prefix(1);
    if (row.ends_with('|')) row.remove_suffix(1);
    rows.append(trimmed(row)).append("\n");
  }
  blocks.add(block_kind::lines, rows);
  return true;
}

class markdown_walk {
public:
  explicit markdown_walk(block_list& blocks) : blocks_(blocks) {}

  /// cmark's iterator keeps its own place: no recursion, however deep the tree is.
  void walk(cmark_node* root) {
    const std::unique_ptr<cmark_iter, decltype(&cmark_iter_free)> iter(cmark_iter_new(root),
                                                                       cmark_iter_free);
    for (auto event = cmark_iter_next(iter.get()); event != CMARK_EVENT_DONE;
         event = cmark_iter_next(iter.get())) {
      auto* node = cmark_iter_get_node(iter.get());
      event == CMARK_EVENT_ENTER ? enter(node) : leave(node);
    }
  }

private:
  static std::string_view literal(cmark_node* node) {
    const char* text = cmark_node_get_literal(node);
    return text == nullptr ? std::string_view() : std::string_view(text);
  }

  void enter(cmark_node* node) {
    switch (cmark_node_get_type(node)) {
      case CMARK_NODE_TEXT:
      case CMARK_NODE_CODE:
        inline_text_ += literal(node);
        break;
      case CMARK_NODE_SOFTBREAK:
      case CMARK_NODE_LINEBREAK:
        inline_text_ += '\n';
        break;
      case CMARK_NODE_ITEM:
        item_starts_ = true;
        break;
      case CMARK_NODE_LIST:
        ++list_depth_;
        break;
      case CMARK_NODE_HEADING:
        end_list();
        break;
      case CMARK_NODE_CODE_BLOCK:
        end_list();
        blocks_.add(block_kind::lines, literal(node));
        break;
      case CMARK_NODE_HTML_BLOCK:
        end_list();
        if (auto inside = read_html(literal(node)))
          for (const auto& part : *inside) blocks_.add(part.kind, part.text, part.level);
        break;
      default:
        break;
    }
  }

  void leave(cmark_node* node) {
    switch (cmark_node_get_type(node)) {
      case CMARK_NODE_PARAGRAPH:
        end_paragraph();
        break;
      case CMARK_NODE_HEADING:
        for (auto& c : inline_text_)
          if (c == '\n') c = ' ';
        blocks_.add(block_kind::heading, without_attributes(inline_text_),
                    static_cast<std::uint32_t>(cmark_node_get_heading_level(node)));
        inline_text_.clear();
        break;
      case CMARK_NODE_LIST:
        if (--list_depth_ == 0) end_list();
        break;
      default:
        break;
    }
  }

  void end_paragraph() {
    const auto text = std::exchange(inline_text_, {});
    if (list_depth_ == 0) {
      if (!add_table(text, blocks_)) blocks_.add(block_kind::prose, text);
      return;
    }
    // Items gather into one block; prose inside a list is cut at its lines.
    if (std::exchange(item_starts_, false)) {
      const std::size_t indent = 2 * std::min<std::size_t>(list_depth_ - 1, 8);
      list_.append(indent, ' ').append("- ");
    }
    for (const char c : text) list_ += c == '\n' ? ' ' : c;
    list_ += '\n';
    if (list_.size() > paragraph_bytes_max) end_list();
  }

  /// Also before what stands inside a list but is no paragraph, so that the order is kept.
  void end_list() {
    blocks_.add(block_kind::lines, list_);
    list_.clear();
  }

  block_list& blocks_;
  std::string inline_text_;
  std::string list_;
  std::size_t list_depth_ = 0;
  bool item_starts_ = false;
};

} // namespace

std::vector<block> read_markdown(std::string_view text) {
  if (!is_written_by_people(text)) return read_text(text);
  block_list blocks;
  text = skip_front_matter(text, blocks);
  const std::unique_ptr<cmark_node, decltype(&cmark_node_free)> root(
      cmark_parse_document(text.data(), text.size(), CMARK_OPT_DEFAULT), cmark_node_free);
  markdown_walk(blocks).walk(root.get());
  return blocks.take();
}

} // namespace troupe::documents
