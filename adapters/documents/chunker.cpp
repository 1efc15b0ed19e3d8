#include "adapters/documents/chunker.hpp"

#include "adapters/documents/utf8.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace troupe::documents {
namespace {

/// A sentence or line: what is not cut unless it is longer than a passage.
struct unit {
  std::string_view text;
  std::string_view before; ///< what parts it from the unit before: " ", "\n" or an empty line
};

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\t';
}

/// The end of the sentence that starts at the front: after its stop and closing quotes.
std::size_t sentence_end(std::string_view text) {
  static constexpr std::array<std::string_view, 4> wide_stops{"。", "！", "？", "।"};
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' || c == '!' || c == '?') {
      auto end = at + 1;
      while (end < text.size() && (text[end] == '"' || text[end] == '\'' || text[end] == ')'))
        ++end;
      if (end < text.size() && is_blank(text[end])) return end;
    } else if (static_cast<unsigned char>(c) >= 0xE0) {
      for (const auto stop : wide_stops)
        if (text.substr(at).starts_with(stop)) return at + stop.size();
    }
  }
  return text.size();
}

std::size_t line_end(std::string_view text) {
  return std::min(text.find('\n'), text.size());
}

/// Where to cut a unit that is longer than a passage: at a blank of its last quarter, if any.
std::size_t forced_end(std::string_view text) {
  const auto most = sequence_start(text, passage_bytes);
  for (auto at = most; at > most - most / 4; --at)
    if (is_blank(text[at - 1])) return at;
  return most;
}

/// Calls `take(text, before)` for every unit of the block.
template <class Take>
void each_unit(const block& from, Take take) {
  const bool prose = from.kind != block_kind::lines;
  std::string_view rest = from.text;
  std::string_view before = "\n\n";
  while (!rest.empty()) {
    const auto window = rest.substr(0, passage_bytes + 1); // looking further would be for nothing
    auto end = prose ? sentence_end(window) : line_end(window);
    if (end > passage_bytes) end = forced_end(rest);
    const auto text = rest.substr(0, end);
    if (!trimmed(text).empty()) {
      // Lines keep their indentation: code and nested lists mean something by it.
      take(prose ? trimmed(text) : text.substr(0, text.find_last_not_of(" \t\r\n") + 1), before);
      before = prose ? " " : "\n";
    }
    rest.remove_prefix(end);
    if (!prose && rest.starts_with('\n')) rest.remove_prefix(1);
  }
}

/// The headings that are open, outermost first.
class heading_path {
public:
  void open(std::uint32_t level, std::string_view text) {
    while (!open_.empty() && open_.back().level >= level) open_.pop_back();
    open_.push_back({level, std::string(text.substr(0, sequence_start(text, heading_bytes)))});
  }
  /// `A > B`; when it is too long the outer ones are left out.
  std::string text() const {
    std::string path;
    for (auto it = open_.rbegin(); it != open_.rend(); ++it) {
      if (!path.empty() && path.size() + it->text.size() + 3 > heading_bytes) break;
      path = path.empty() ? it->text : it->text + " > " + path;
    }
    return path;
  }

private:
  struct heading {
    std::uint32_t level;
    std::string text;
  };
  std::vector<heading> open_; // levels rise, so at most as many as there are levels
};

class passage_builder {
public:
  void heading(const block& from) {
    if (size_ >= section_bytes_min) flush(false);
    // A heading followed by another that is not below it is all that its section says.
    if (!lone_heading_.empty() && from.level <= lone_level_) add({lone_heading_, "\n\n"});
    path_.open(from.level, from.text);
    if (texts_.empty()) {
      lone_heading_ = from.text;
      lone_level_ = from.level;
    } else {
      add({from.text, "\n\n"}); // a small section joins: its heading stays findable in the text
    }
  }

  void add(unit next) {
    if (!texts_.empty() && size_ + next.before.size() + next.text.size() > passage_bytes)
      flush(true);
    if (texts_.empty())
      heading_ = path_.text();
    else
      size_ += next.before.size();
    size_ += next.text.size();
    texts_.push_back(next);
    lone_heading_ = {};
  }

  std::vector<passage> take() {
    if (!lone_heading_.empty()) add({lone_heading_, "\n\n"});
    flush(false);
    return std::move(done_);
  }

private:
  /// Ends the passage. `continues`: the next one goes on in the same section and repeats the end.
  void flush(bool continues) {
    if (texts_.empty()) return;
    passage made{
        .ordinal = static_cast<std::uint32_t>(done_.size()), .heading = heading_, .text = {}};
    made.text.reserve(size_);
    for (const auto& part : texts_) {
      if (!made.text.empty()) made.text += part.before;
      made.text += part.text;
    }
    done_.push_back(std::move(made));
    const auto kept = continues ? overlap() : 0;
    texts_.erase(texts_.begin(), texts_.end() - static_cast<std::ptrdiff_t>(kept));
    size_ = 0;
    for (const auto& part : texts_)
      size_ += part.text.size() + (size_ == 0 ? 0 : part.before.size());
    heading_ = path_.text();
  }

  /// How many of the last units fit into the overlap; never all of them.
  std::size_t overlap() const {
    std::size_t bytes = 0, count = 0;
    while (count + 1 < texts_.size()) {
      const auto& part = texts_[texts_.size() - 1 - count];
      bytes += part.text.size() + part.before.size();
      if (bytes > overlap_bytes) break;
      ++count;
    }
    return count;
  }

  heading_path path_;
  std::string heading_;           // of the passage that is being built
  std::string_view lone_heading_; // the last heading while no text follows it
  std::uint32_t lone_level_ = 0;
  std::vector<unit> texts_;
  std::size_t size_ = 0;
  std::vector<passage> done_;
};

} // namespace

void block_list::add(block_kind kind, std::string_view text, std::uint32_t level) {
  const auto kept = kind == block_kind::lines
                        ? text.substr(0, text.find_last_not_of(" \t\r\n\f\v") + 1)
                        : trimmed(text);
  if (!trimmed(kept).empty()) blocks_.push_back({kind, level, std::string(kept)});
}

std::vector<passage> cut_into_passages(const std::vector<block>& blocks) {
  passage_builder builder;
  for (const auto& from : blocks) {
    // A heading too long for a path is a paragraph in the wrong clothes.
    if (from.kind == block_kind::heading && from.text.size() <= heading_bytes)
      builder.heading(from);
    else
      each_unit(from, [&](std::string_view text, std::string_view before) {
        builder.add({text, before});
      });
  }
  return builder.take();
}

} // namespace troupe::documents
