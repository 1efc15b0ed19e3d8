#pragma once

#include "actors/ports/mailer.hpp"
#include "messages/base/limits.hpp"

#include <algorithm>
#include <string_view>

/// Which mails a mailer takes: no field can smuggle in another header or SMTP command. Pure.
namespace troupe::mail_rules {

[[nodiscard]] inline bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// A line break, a NUL or another control character.
[[nodiscard]] inline bool has_control(std::string_view text) noexcept {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// Letters, digits and hyphens in labels of 1 to 63 (RFC 1123, 2.1).
[[nodiscard]] inline bool is_host_name(std::string_view host) noexcept {
  for (std::string_view rest = host;;) {
    const auto dot = rest.find('.');
    const auto label = rest.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
      return false;
    if (!std::ranges::all_of(label, [](char c) { return c == '-' || is_alphanumeric(c); }))
      return false;
    if (dot == rest.npos) return true;
    rest.remove_prefix(dot + 1);
  }
}

/// `local@host` as RFC 5321, 4.1.2 has it, in ASCII, without quoted strings and address literals;
/// dots may stand anywhere in the local part, as some large providers let them.
[[nodiscard]] inline bool is_address(std::string_view text) noexcept {
  constexpr std::string_view more = ".!#$%&'*+-/=?^_`{|}~";
  const auto sign = text.find('@');
  if (sign == text.npos || sign == 0 || sign > 64 || text.size() > 254) return false;
  const auto fits = [&](char c) { return is_alphanumeric(c) || more.contains(c); };
  return std::ranges::all_of(text.substr(0, sign), fits) && is_host_name(text.substr(sign + 1));
}

/// `invalid_argument` naming the field.
[[nodiscard]] inline result<void> check(const mail& letter) {
  const auto refuse = [](const char* field, const char* why) {
    return fail(errc::invalid_argument, why, field);
  };
  if (!is_address(letter.to)) return refuse("to", "is no address that mail can be sent to");
  if (has_control(letter.subject)) return refuse("subject", "has a control character in it");
  if (letter.subject.size() > limits::mail_subject_bytes) return refuse("subject", "is too long");
  if (letter.text.size() > limits::mail_body_bytes) return refuse("text", "is too long");
  if (letter.html.size() > limits::mail_body_bytes) return refuse("html", "is too long");
  return {};
}

} // namespace troupe::mail_rules
