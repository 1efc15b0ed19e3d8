#include "actors/log/log_rules.hpp"

#include "messages/base/ids.hpp"

#include <charconv>
#include <cstdio>
#include <utility>

namespace troupe::log_rules {
namespace {

using namespace std::chrono;

/// Reads exactly `digits` digits at `at`, moving it on.
bool number_at(std::string_view text, std::size_t& at, std::size_t digits, int& out) {
  if (text.size() < at + digits) return false;
  const auto* end = text.data() + at + digits;
  const auto [rest, code] = std::from_chars(text.data() + at, end, out);
  if (code != std::errc() || rest != end || text[at] == '-') return false;
  at += digits;
  return true;
}

bool char_at(std::string_view text, std::size_t& at, std::string_view any) {
  if (at >= text.size() || any.find(text[at]) == std::string_view::npos) return false;
  ++at;
  return true;
}

/// `.123456789` to microseconds; no fraction is 0.
bool fraction_at(std::string_view text, std::size_t& at, int& micros) {
  micros = 0;
  if (at >= text.size() || text[at] != '.') return true;
  const auto first = ++at;
  int scale = 100000;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
    micros += (text[at] - '0') * scale;
  return at > first;
}

/// `Z` or `+hh:mm` to minutes.
bool offset_at(std::string_view text, std::size_t& at, int& offset_minutes) {
  offset_minutes = 0;
  if (char_at(text, at, "Zz")) return true;
  if (at >= text.size()) return false;
  const int sign = text[at] == '-' ? -1 : 1;
  int hours = 0, minutes = 0;
  if (!char_at(text, at, "+-") || !number_at(text, at, 2, hours) || !char_at(text, at, ":") ||
      !number_at(text, at, 2, minutes) || hours > 23 || minutes > 59)
    return false;
  offset_minutes = sign * (hours * 60 + minutes);
  return true;
}

} // namespace

std::string format_time(system_clock::time_point at) {
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(floor<microseconds>(at - day));
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", int(date.year()),
                unsigned(date.month()), unsigned(date.day()), int(time.hours().count()),
                int(time.minutes().count()), int(time.seconds().count()),
                int(time.subseconds().count()));
  return text;
}

result<std::string> normal_time(std::string_view text, std::string_view param) {
  std::size_t at = 0;
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, micros = 0, offset = 0;
  const bool form =
      number_at(text, at, 4, y) && char_at(text, at, "-") && number_at(text, at, 2, mo) &&
      char_at(text, at, "-") && number_at(text, at, 2, d) && char_at(text, at, "Tt ") &&
      number_at(text, at, 2, h) && char_at(text, at, ":") && number_at(text, at, 2, mi) &&
      char_at(text, at, ":") && number_at(text, at, 2, s) && fraction_at(text, at, micros) &&
      offset_at(text, at, offset) && at == text.size();
  const year_month_day date{year(y), month(unsigned(mo)), day(unsigned(d))};
  if (!form || !date.ok() || h > 23 || mi > 59 || s > 60)
    return fail(errc::invalid_argument,
                std::string(param) + ": expected an RFC 3339 time such as 2026-01-31T12:00:00Z",
                std::string(param));
  return format_time(sys_days(date) + hours(h) + minutes(mi - offset) + seconds(s) +
                     microseconds(micros));
}

result<std::vector<log_record>> records_of(append_logs_request request, const caller& who,
                                           system_clock::time_point now) {
  // Only peers that are services reach this without a caller: the edge's requests come through a
  // router, which puts one in.
  const bool internal = who.user.empty();
  if (internal && request.users.size() != request.records.size())
    return fail(errc::invalid_argument, "users: one owner a record", "users");
  std::vector<log_record> out;
  out.reserve(request.records.size());
  for (std::size_t i = 0; i < request.records.size(); ++i) {
    auto& in = request.records[i];
    log_record record;
    record.id = internal && !request.batch.empty() ? request.batch + '-' + std::to_string(i)
                                                   : make_id("log_");
    record.time = format_time(now);
    if (!in.time.empty()) {
      auto time = normal_time(in.time, "time");
      if (!time) return std::unexpected(std::move(time.error()));
      record.time = std::move(*time);
    }
    record.level = in.level.value_or(log_level::info);
    record.service = std::move(in.service);
    record.message = std::move(in.message);
    if (!in.attributes.empty()) record.attributes = std::move(in.attributes);
    record.user = internal ? std::move(request.users[i]) : who.user;
    out.push_back(std::move(record));
  }
  return out;
}

result<log_filter> filter_of(const list_logs_request& request, const caller& who) {
  log_filter filter;
  filter.user = who.admin && !request.user.empty() ? request.user : who.user;
  filter.level = request.level;
  filter.service = request.service;
  filter.limit = request.limit;
  filter.before = request.cursor;
  for (auto [text, name, to] : {std::tuple(&request.since, "since", &filter.since),
                                std::tuple(&request.until, "until", &filter.until)}) {
    if (text->empty()) continue;
    auto time = normal_time(*text, name);
    if (!time) return std::unexpected(std::move(time.error()));
    *to = std::move(*time);
  }
  std::string word;
  for (const char c : request.q + ' ') {
    if (c != ' ' && c != '\t' && c != '\n') {
      word += c;
    } else if (!word.empty()) {
      filter.words.push_back(std::exchange(word, {}));
    }
  }
  return filter;
}

} // namespace troupe::log_rules
