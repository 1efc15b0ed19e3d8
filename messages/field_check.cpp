#include "messages/field_check.hpp"

namespace troupe::field_check {
namespace {

std::string number_text(double value) {
  return std::to_string(static_cast<long long>(value)); // the bounds are whole numbers
}

std::string list_of(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ", ";
    out += word;
  }
  return out;
}

bool two_digits(std::string_view text, std::size_t at, int& out) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (at + 2 > text.size() || !digit(at) || !digit(at + 1)) return false;
  out = (text[at] - '0') * 10 + (text[at + 1] - '0');
  return true;
}

int days_of(int year, int month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/// `Z`, `+hh:mm` or `-hh:mm`.
bool is_offset(std::string_view text) {
  if (text == "Z" || text == "z") return true;
  int hours = 0, minutes = 0;
  return text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':' &&
         two_digits(text, 1, hours) && two_digits(text, 4, minutes) && hours < 24 && minutes < 60;
}

} // namespace

std::unexpected<error> refuse(std::string param, std::string_view what) {
  std::string message = param + ": " + std::string(what);
  return fail(errc::invalid_argument, std::move(message), std::move(param));
}

bool is_rfc3339(std::string_view text) noexcept {
  int century = 0, years = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (text.size() < 20 || text.size() > 40 || !two_digits(text, 0, century) ||
      !two_digits(text, 2, years) || text[4] != '-' || !two_digits(text, 5, month) ||
      text[7] != '-' || !two_digits(text, 8, day) || (text[10] != 'T' && text[10] != 't') ||
      !two_digits(text, 11, hour) || text[13] != ':' || !two_digits(text, 14, minute) ||
      text[16] != ':' || !two_digits(text, 17, second)) {
    return false;
  }
  if (month < 1 || month > 12 || day < 1 || day > days_of(century * 100 + years, month))
    return false;
  if (hour > 23 || minute > 59 || second > 60) return false;
  text.remove_prefix(19);
  if (text.starts_with('.')) {
    const std::size_t end = text.find_first_not_of("0123456789", 1);
    if (end == std::string_view::npos || end == 1) return false;
    text.remove_prefix(end);
  }
  return is_offset(text);
}

std::string hold_text(const field_rule& rule, std::string_view text) {
  if (rule.bytes_min != 0 && (text.size() < rule.bytes_min || text.size() > rule.bytes_max)) {
    return "must have " + std::to_string(rule.bytes_min) + " to " + std::to_string(rule.bytes_max) +
           " bytes";
  }
  if (rule.bytes_max != 0 && text.size() > rule.bytes_max) {
    return "is longer than " + std::to_string(rule.bytes_max) + " bytes";
  }
  if (!rule.words.empty() && std::ranges::find(rule.words, text) == rule.words.end()) {
    return "must be one of " + list_of(rule.words);
  }
  if (rule.time && !is_rfc3339(text)) {
    return "expected a time as in RFC 3339, e.g. 2026-01-31T12:00:00Z";
  }
  return {};
}

std::string hold_number(const field_rule& rule, double value) {
  if (value >= rule.least && value <= rule.most) return {};
  if (rule.most == std::numeric_limits<double>::infinity()) {
    return "must be at least " + number_text(rule.least);
  }
  return "must be between " + number_text(rule.least) + " and " + number_text(rule.most);
}

std::string hold_count(const field_rule& rule, std::size_t count) {
  if (count >= rule.items_min && (rule.items_max == 0 || count <= rule.items_max)) return {};
  return "must have " + std::to_string(rule.items_min) + " to " + std::to_string(rule.items_max) +
         " elements";
}

} // namespace troupe::field_check
