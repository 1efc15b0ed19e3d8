#include "adapters/documents/html_guard.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace troupe::documents {
namespace {

constexpr std::size_t depth_max = 512;
constexpr std::size_t attributes_max = 256;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
bool is_letter(char c) {
  return lower(c) >= 'a' && lower(c) <= 'z';
}
bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

bool same(std::string_view name, std::string_view lower_case) {
  return std::ranges::equal(name, lower_case, {}, lower);
}

template <std::size_t N>
bool one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::ranges::any_of(names, [&](std::string_view other) { return same(name, other); });
}

/// Elements that never hold others, and those that the next of their kind closes: any number of
/// them may stand in a row without an end tag.
constexpr std::array<std::string_view, 28> flat{
    "area",  "base",   "br",    "col",   "embed", "hr", "img", "input",   "link", "meta",
    "param", "source", "track", "wbr",   "p",     "li", "td",  "th",      "tr",   "dt",
    "dd",    "option", "thead", "tbody", "tfoot", "rt", "rp",  "optgroup"};
constexpr std::array<std::string_view, 6> raw_text{"script", "style",  "textarea",
                                                   "title",  "iframe", "xmp"};

/// Walks over the attributes; nullopt-like npos when there are too many, else where the tag ends.
std::size_t tag_end(std::string_view html, std::size_t at) {
  std::size_t attributes = 0;
  bool between = false;
  for (; at < html.size() && html[at] != '>'; ++at) {
    const char c = html[at];
    if (is_blank(c) || c == '/') {
      between = true;
    } else if ((c == '"' || c == '\'') && html[at - 1] == '=') {
      const auto close = html.find(c, at + 1);
      if (close == html.npos) return html.size();
      at = close;
      between = true; // the next attribute may follow without a blank
    } else if (between) {
      between = false;
      if (++attributes > attributes_max) return html.npos;
    }
  }
  return at;
}

/// Where the end tag of a raw text element starts.
std::size_t raw_end(std::string_view html, std::size_t at, std::string_view name) {
  for (at = html.find("</", at); at != html.npos; at = html.find("</", at + 2))
    if (same(html.substr(at + 2, name.size()), name)) return at;
  return html.size();
}

} // namespace

bool is_parsed_in_linear_time(std::string_view html) noexcept {
  std::size_t depth = 0;
  for (std::size_t at = html.find('<'); at < html.size(); at = html.find('<', at)) {
    if (html.substr(at).starts_with("<!--")) {
      const auto end = html.find("-->", at + 4);
      if (end == html.npos) return true; // the rest is a comment
      at = end + 3;
      continue;
    }
    const bool closes = at + 1 < html.size() && html[at + 1] == '/';
    const auto name_at = at + (closes ? 2 : 1);
    if (name_at >= html.size() || !is_letter(html[name_at])) {
      ++at;
      continue;
    }
    auto name_end = name_at;
    while (name_end < html.size() && !is_blank(html[name_end]) && html[name_end] != '>' &&
           html[name_end] != '/')
      ++name_end;
    const auto name = html.substr(name_at, name_end - name_at);
    at = tag_end(html, name_end);
    if (at == html.npos) return false;
    if (one_of(name, flat)) continue;
    if (closes)
      depth -= depth > 0 ? 1 : 0;
    else if (one_of(name, raw_text))
      at = raw_end(html, at, name);
    else if (++depth > depth_max)
      return false;
  }
  return true;
}

} // namespace troupe::documents
