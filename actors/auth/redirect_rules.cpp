#include "actors/auth/redirect_rules.hpp"

#include "messages/base/limits.hpp"

#include <algorithm>

namespace troupe::redirect_rules {
namespace {

constexpr std::string_view whole_origin = "/**";

bool is_letter_or_digit(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// `scheme://` and something behind it, in characters that no browser rewrites: a `\` would become
/// a `/`, a line break would vanish.
bool is_url(std::string_view text) noexcept {
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

/// `https://app.example.com` of `https://app.example.com/a?b`.
std::string_view origin_of(std::string_view url) noexcept {
  return url.substr(0, url.find_first_of("/?#", url.find("://") + 3));
}

bool fits(std::string_view pattern, std::string_view url) noexcept {
  if (!pattern.ends_with(whole_origin)) return url == pattern;
  pattern.remove_suffix(whole_origin.size());
  return origin_of(url) == pattern;
}

bool is_below(std::string_view site, std::string_view url) noexcept {
  if (site.ends_with('/')) site.remove_suffix(1);
  if (site.empty() || !url.starts_with(site)) return false;
  const auto rest = url.substr(site.size());
  return rest.empty() || std::string_view("/?#").contains(rest.front());
}

std::string joined(const parameters& all) {
  std::string out;
  for (const auto& [name, value] : all) {
    if (!out.empty()) out += '&';
    out += name;
    out += '=';
    out += encoded(value);
  }
  return out;
}

} // namespace

bool is_pattern(std::string_view text) noexcept {
  if (text.ends_with(whole_origin)) {
    text.remove_suffix(whole_origin.size());
    if (!is_url(text) || origin_of(text) != text) return false;
  }
  return is_url(text) && !text.contains('*');
}

bool allows(const policy& in, std::string_view url) noexcept {
  if (!is_url(url)) return false;
  return is_below(in.site_url, url) ||
         std::ranges::any_of(in.urls, [&](const auto& one) { return fits(one, url); });
}

std::string target(const policy& in, std::string_view wanted) {
  return allows(in, wanted) ? std::string(wanted) : in.site_url;
}

std::string with_query(std::string_view url, const parameters& more) {
  const auto hash = std::min(url.find('#'), url.size());
  std::string out(url.substr(0, hash));
  out += out.contains('?') ? '&' : '?';
  out += joined(more);
  out += url.substr(hash);
  return out;
}

std::string with_fragment(std::string_view url, const parameters& more) {
  return std::string(url.substr(0, url.find('#'))) + '#' + joined(more);
}

std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_letter_or_digit(c) || std::string_view("-._~").contains(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

} // namespace troupe::redirect_rules
