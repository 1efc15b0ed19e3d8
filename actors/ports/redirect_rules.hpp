#pragma once

#include "messages/base/limits.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

/// Where a sign-in may send a browser, with tokens in the URL. Pure.
namespace troupe::redirect_rules {

/// What an operator allows beside the app itself. All are absolute URLs.
struct policy {
  std::string site_url;          ///< the app; empty: there is none
  std::vector<std::string> urls; ///< exact, or `https://app.example.com/**`: a whole origin
};

inline constexpr std::string_view whole_origin = "/**";

[[nodiscard]] inline bool is_letter_or_digit(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// `scheme://` and something behind it, in characters that no browser rewrites: a `\` would become
/// a `/`, a line break would vanish. At most limits::redirect_bytes.
[[nodiscard]] inline bool is_url(std::string_view text) noexcept {
  const auto mark = text.find("://");
  if (mark == text.npos || mark == 0 || mark + 3 == text.size()) return false;
  if (text.size() > limits::redirect_bytes) return false;
  const auto in_scheme = [](char c) {
    return is_letter_or_digit(c) || c == '+' || c == '-' || c == '.';
  };
  const auto plain = [](char c) {
    return c > ' ' && c != '\x7f' && c != '\\' && static_cast<unsigned char>(c) < 0x80;
  };
  return std::ranges::all_of(text.substr(0, mark), in_scheme) && std::ranges::all_of(text, plain);
}

/// `https://app.example.com` of the URL `https://app.example.com/a?b`.
[[nodiscard]] inline std::string_view origin_of(std::string_view url) noexcept {
  return url.substr(0, url.find_first_of("/?#", url.find("://") + 3));
}

/// Whether an operator may write this among the urls: an absolute URL without wildcards, or an
/// origin and `/**`.
[[nodiscard]] inline bool is_pattern(std::string_view text) noexcept {
  if (text.ends_with(whole_origin)) {
    text.remove_suffix(whole_origin.size());
    if (!is_url(text) || origin_of(text) != text) return false;
  }
  return is_url(text) && !text.contains('*');
}

[[nodiscard]] inline bool fits(std::string_view pattern, std::string_view url) noexcept {
  if (!pattern.ends_with(whole_origin)) return url == pattern;
  pattern.remove_suffix(whole_origin.size());
  return origin_of(url) == pattern;
}

/// Whether the path has `.` or `..`, plain or encoded, which browsers walk.
[[nodiscard]] inline bool has_dot_segment(std::string_view url) noexcept {
  auto path = url.substr(0, url.find_first_of("?#"));
  path.remove_prefix(origin_of(url).size());
  std::size_t dots = 0, others = 0;
  for (std::size_t i = 0; i <= path.size(); ++i) {
    const auto rest = path.substr(std::min(i, path.size()));
    if (rest.empty() || rest.front() == '/') {
      if (dots > 0 && dots <= 2 && others == 0) return true;
      dots = others = 0;
    } else if (rest.starts_with("%2e") || rest.starts_with("%2E")) {
      ++dots;
      i += 2;
    } else {
      ++(rest.front() == '.' ? dots : others);
    }
  }
  return false;
}

[[nodiscard]] inline bool is_below(std::string_view site, std::string_view url) noexcept {
  if (site.ends_with('/')) site.remove_suffix(1);
  if (site.empty() || !url.starts_with(site)) return false;
  const auto rest = url.substr(site.size());
  return rest.empty() || std::string_view("/?#").contains(rest.front());
}

/// Whether `url` is the site or something below it, or is among the urls. Compared as text: what
/// is spelled otherwise is another URL, and so is one with a user name in front of the host.
[[nodiscard]] inline bool allows(const policy& in, std::string_view url) noexcept {
  if (!is_url(url) || has_dot_segment(url)) return false;
  return is_below(in.site_url, url) ||
         std::ranges::any_of(in.urls, [&](const auto& one) { return fits(one, url); });
}

/// `wanted` where it is allowed, else the site.
[[nodiscard]] inline std::string target(const policy& in, std::string_view wanted) {
  return allows(in, wanted) ? std::string(wanted) : in.site_url;
}

} // namespace troupe::redirect_rules
