#include "actors/auth/redirect_rules.hpp"

#include <algorithm>

namespace troupe::redirect_rules {
namespace {

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
