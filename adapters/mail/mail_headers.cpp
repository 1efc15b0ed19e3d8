#include "adapters/mail/mail_headers.hpp"

#include "actors/ports/mail_rules.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace troupe::mail_headers {
namespace {

using mail_rules::is_alphanumeric;

/// Longest text that stands in one line behind the longest of our field names.
constexpr std::size_t plain_max = 64;
/// Of an encoded-word's payload: with its frame of 12 and "Subject: " a line stays within 76.
constexpr std::size_t payload_max = 54;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// One character's bytes in the Q encoding (RFC 2047, 4.2 and 5 (3): safe in a phrase as well).
std::string encoded(std::string_view character) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  if (character == " ") return "_";
  if (character.size() == 1 && is_alphanumeric(character.front())) return std::string(character);
  std::string out;
  for (const char c : character) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'=', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

/// The length of the UTF-8 character at the front; a byte that begins none counts alone.
std::size_t character_length(std::string_view text) {
  const auto is_continuation = [](char c) { return (static_cast<unsigned char>(c) >> 6) == 2; };
  std::size_t length = 1;
  while (length < std::min<std::size_t>(4, text.size()) && is_continuation(text[length])) ++length;
  return length;
}

std::string encoded_words(std::string_view text) {
  std::string out = "=?UTF-8?Q?";
  std::size_t payload = 0;
  while (!text.empty()) {
    const auto length = character_length(text);
    const auto piece = encoded(text.substr(0, length));
    text.remove_prefix(length);
    if (payload + piece.size() > payload_max) {
      out += "?=\r\n =?UTF-8?Q?";
      payload = 0;
    }
    out += piece;
    payload += piece.size();
  }
  return out + "?=";
}

/// RFC 5322, 3.2.4.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string unquoted(std::string_view text) {
  if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return std::string(text);
  std::string out;
  text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

} // namespace

std::optional<mailbox> parse_mailbox(std::string_view text) {
  text = trimmed(text);
  mailbox out;
  if (text.ends_with('>')) {
    const auto open = text.rfind('<');
    if (open == text.npos) return std::nullopt;
    out.name = unquoted(trimmed(text.substr(0, open)));
    text = text.substr(open + 1, text.size() - open - 2);
  }
  out.address = text;
  if (!mail_rules::is_address(out.address) || mail_rules::has_control(out.name) ||
      out.name.size() > limits::mail_subject_bytes)
    return std::nullopt;
  return out;
}

std::string to_field(const mailbox& who) {
  if (who.name.empty()) return who.address;
  const bool plain = is_printable_ascii(who.name) && who.name.size() <= plain_max;
  const auto name = plain ? quoted(who.name) : encoded_words(who.name);
  return name + "\r\n <" + who.address + '>';
}

std::string to_field(std::string_view text) {
  // "=?" would be read as an encoded-word.
  const bool plain = is_printable_ascii(text) && text.size() <= plain_max && !text.contains("=?");
  return plain ? std::string(text) : encoded_words(text);
}

std::string to_field(std::chrono::sys_seconds when) {
  constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(when - day);
  std::array<char, 48> out{};
  std::snprintf(out.data(), out.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000",
                days[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return out.data();
}

} // namespace troupe::mail_headers
