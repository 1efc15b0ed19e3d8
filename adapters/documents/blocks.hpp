#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What every format is read into before it is cut into passages.
namespace troupe::documents {

enum class block_kind : std::uint8_t {
  heading, ///< opens a section of `level`
  prose,   ///< may be cut at sentences
  lines,   ///< code, tables, lists: may be cut at line ends
};

struct block {
  block_kind kind = block_kind::prose;
  std::uint32_t level = 0; ///< headings: 1 the highest, 0 the document's own title
  std::string text;        ///< UTF-8, trimmed, not empty
};

/// Collects blocks, leaving out those without text.
class block_list {
public:
  void add(block_kind kind, std::string_view text, std::uint32_t level = 0);
  [[nodiscard]] std::vector<block> take() { return std::move(blocks_); }
  [[nodiscard]] bool empty() const noexcept { return blocks_.empty(); }

private:
  std::vector<block> blocks_;
};

/// Markdown (CommonMark by cmark; pipe tables and a YAML front matter's title are understood).
/// `text` is valid UTF-8.
[[nodiscard]] std::vector<block> read_markdown(std::string_view text);

/// Text: paragraphs are parted by empty lines; a single short line at the top is the title.
[[nodiscard]] std::vector<block> read_text(std::string_view text);

} // namespace troupe::documents
