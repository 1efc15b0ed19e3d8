#include "runtime/log_spdlog.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <algorithm>
#include <cctype>
#include <memory>

namespace troupe {
namespace {

spdlog::level::level_enum to_spdlog(log::level at) noexcept {
  switch (at) {
    case log::level::debug:
      return spdlog::level::debug;
    case log::level::info:
      return spdlog::level::info;
    case log::level::warn:
      return spdlog::level::warn;
    case log::level::error:
      break;
  }
  return spdlog::level::err;
}

/// Kept for the process's life: threads may log while statics are destroyed.
spdlog::logger*& logger() {
  static spdlog::logger* instance = nullptr;
  return instance;
}

void write_line(log::level at, std::string_view event, std::initializer_list<log::field> fields) {
  const std::string line = format_log_line(event, fields);
  logger()->log(to_spdlog(at), spdlog::string_view_t(line.data(), line.size()));
}

bool needs_quotes(std::string_view text) {
  return text.empty() || std::ranges::any_of(text, [](unsigned char c) {
           return c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f;
         });
}

void append_value(std::string& to, std::string_view text) {
  if (!needs_quotes(text)) {
    to += text;
    return;
  }
  constexpr char hex[] = "0123456789abcdef";
  to += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (c == '\n') {
      to += "\\n";
    } else if (c == '\t') {
      to += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      to += "\\x";
      to += hex[byte >> 4];
      to += hex[byte & 15];
    } else {
      to += c;
    }
  }
  to += '"';
}

} // namespace

void install_log_sink(log::level least) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  // UTC, as everywhere in the program; milliseconds tell the order of events on one node.
  sink->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %l %v",
                                                                  spdlog::pattern_time_type::utc));
  auto* made = new spdlog::logger("troupe", std::move(sink));
  made->set_level(to_spdlog(least));
  made->flush_on(spdlog::level::debug);
  logger() = made;
  log::install(write_line, least);
}

result<log::level> parse_log_level(std::string_view text) {
  std::string word(text);
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::tolower(c); });
  if (word == "debug" || word == "trace") return log::level::debug;
  if (word == "info") return log::level::info;
  if (word == "warn" || word == "warning") return log::level::warn;
  if (word == "error" || word == "fatal" || word == "critical") return log::level::error;
  return fail(errc::invalid_argument, "no such log level; debug, info, warn or error");
}

std::string format_log_line(std::string_view event, std::initializer_list<log::field> fields) {
  std::string line(event);
  for (const auto& f : fields) {
    line += ' ';
    line += f.name;
    line += '=';
    append_value(line, f.value);
  }
  return line;
}

} // namespace troupe
