#include "adapters/documents/html.hpp"

#include "adapters/documents/html_guard.hpp"
#include "adapters/documents/utf8.hpp"

#include <gumbo.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory_resource>

namespace troupe::documents {
namespace {

/// gumbo frees its tree recursively, which a deep document turns into a stack overflow: all its
/// memory comes from an arena instead, which is dropped as a whole. The size in front of each piece
/// is not needed, since nothing is given back early.
class gumbo_arena {
public:
  GumboOptions options() {
    GumboOptions made = kGumboDefaultOptions;
    made.allocator = [](void* arena, std::size_t bytes) {
      return static_cast<std::pmr::monotonic_buffer_resource*>(arena)->allocate(bytes);
    };
    made.deallocator = [](void*, void*) {};
    made.userdata = &memory_;
    made.max_errors = 0;
    return made;
  }

private:
  std::pmr::monotonic_buffer_resource memory_{64u << 10};
};

bool is_dropped(GumboTag tag) {
  static constexpr std::array dropped{GUMBO_TAG_SCRIPT,   GUMBO_TAG_STYLE,  GUMBO_TAG_NAV,
                                      GUMBO_TAG_NOSCRIPT, GUMBO_TAG_IFRAME, GUMBO_TAG_TEMPLATE,
                                      GUMBO_TAG_SVG,      GUMBO_TAG_MATH,   GUMBO_TAG_OBJECT};
  return std::ranges::find(dropped, tag) != dropped.end();
}

bool is_inline(GumboTag tag) {
  static constexpr std::array inlines{
      GUMBO_TAG_A,    GUMBO_TAG_ABBR,   GUMBO_TAG_B,    GUMBO_TAG_BDI,  GUMBO_TAG_BDO,
      GUMBO_TAG_CITE, GUMBO_TAG_CODE,   GUMBO_TAG_DEL,  GUMBO_TAG_DFN,  GUMBO_TAG_EM,
      GUMBO_TAG_FONT, GUMBO_TAG_I,      GUMBO_TAG_IMG,  GUMBO_TAG_INS,  GUMBO_TAG_KBD,
      GUMBO_TAG_MARK, GUMBO_TAG_Q,      GUMBO_TAG_S,    GUMBO_TAG_SAMP, GUMBO_TAG_SMALL,
      GUMBO_TAG_SPAN, GUMBO_TAG_STRONG, GUMBO_TAG_SUB,  GUMBO_TAG_SUP,  GUMBO_TAG_TIME,
      GUMBO_TAG_TT,   GUMBO_TAG_U,      GUMBO_TAG_VAR,  GUMBO_TAG_WBR,  GUMBO_TAG_RUBY,
      GUMBO_TAG_RT,   GUMBO_TAG_BIG,    GUMBO_TAG_LABEL};
  return std::ranges::find(inlines, tag) != inlines.end();
}

std::uint32_t heading_level(GumboTag tag) {
  return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? 1u + static_cast<unsigned>(tag - GUMBO_TAG_H1)
                                                    : 0u;
}

/// Turns the tree into blocks with an explicit stack: a node is met once going down and once up.
class html_walk {
public:
  explicit html_walk(block_list& blocks) : blocks_(blocks) {}

  void walk(const GumboNode* root) {
    std::vector<place> open{{root, 0}};
    enter(*root);
    while (!open.empty()) {
      auto& [node, next] = open.back();
      const GumboVector* children = children_of(*node);
      if (children == nullptr || next == children->length) {
        leave(*node);
        open.pop_back();
        continue;
      }
      const auto* child = static_cast<const GumboNode*>(children->data[next++]);
      if (child->type == GUMBO_NODE_ELEMENT && is_dropped(child->v.element.tag)) continue;
      enter(*child);
      open.push_back({child, 0});
    }
    end_block(block_kind::prose);
  }

private:
  struct place {
    const GumboNode* node;
    unsigned next; ///< the child to visit
  };

  static const GumboVector* children_of(const GumboNode& node) {
    if (node.type == GUMBO_NODE_DOCUMENT) return &node.v.document.children;
    if (node.type == GUMBO_NODE_ELEMENT) return &node.v.element.children;
    return nullptr;
  }

  void enter(const GumboNode& node) {
    if (node.type == GUMBO_NODE_TEXT || node.type == GUMBO_NODE_WHITESPACE ||
        node.type == GUMBO_NODE_CDATA)
      return add_text(node.v.text.text);
    if (node.type != GUMBO_NODE_ELEMENT) return;
    const auto tag = node.v.element.tag;
    if (tag == GUMBO_TAG_BR) text_ += '\n';
    if (is_inline(tag) || tag == GUMBO_TAG_BR) return;
    if (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) {
      if (!trimmed(text_).empty()) text_ += " | ";
      ++cells_;
      return;
    }
    if (cells_ == 0) end_block(block_kind::prose);
    if (tag == GUMBO_TAG_PRE) ++pre_;
    if (tag == GUMBO_TAG_LI) text_ += "- ";
  }

  void leave(const GumboNode& node) {
    if (node.type != GUMBO_NODE_ELEMENT) return;
    const auto tag = node.v.element.tag;
    if (is_inline(tag) || tag == GUMBO_TAG_BR) return;
    if (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) {
      --cells_;
    } else if (const auto level = heading_level(tag); level > 0 && cells_ == 0) {
      end_heading(level);
    } else if (tag == GUMBO_TAG_TITLE) {
      end_heading(0); // above every h1
    } else if (tag == GUMBO_TAG_PRE) {
      --pre_;
      if (cells_ == 0 && pre_ == 0) end_block(block_kind::lines);
    } else if (cells_ > 0) {
      text_ += ' '; // blocks inside a cell stay in its row
    } else {
      const bool laid_out = tag == GUMBO_TAG_TR || tag == GUMBO_TAG_LI || pre_ > 0;
      end_block(laid_out ? block_kind::lines : block_kind::prose);
    }
  }

  void add_text(std::string_view text) {
    if (pre_ > 0) {
      text_ += text;
      return;
    }
    for (const char c : text) { // white space collapses, as it is shown
      const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
      if (!blank)
        text_ += c;
      else if (!text_.empty() && text_.back() != ' ' && text_.back() != '\n')
        text_ += ' ';
    }
  }

  void end_heading(std::uint32_t level) {
    std::ranges::replace(text_, '\n', ' ');
    blocks_.add(block_kind::heading, text_, level);
    text_.clear();
  }

  void end_block(block_kind kind) {
    if (trimmed(text_) != "-") blocks_.add(kind, text_);
    text_.clear();
  }

  block_list& blocks_;
  std::string text_;
  std::size_t pre_ = 0;   // open <pre>
  std::size_t cells_ = 0; // open table cells
};

} // namespace

result<std::vector<block>> read_html(std::string_view text) {
  if (!is_parsed_in_linear_time(text))
    return fail(errc::invalid_argument, "the HTML is nested too deeply or has a tag too large");
  gumbo_arena arena;
  const auto options = arena.options();
  const GumboOutput* output = gumbo_parse_with_options(&options, text.data(), text.size());
  block_list blocks;
  html_walk(blocks).walk(output->document);
  return blocks.take();
}

} // namespace troupe::documents
