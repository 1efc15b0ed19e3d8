#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

/// The program's own log lines (not the log service): an event id, then fields. The sink is
/// installed by runtime; before that, lines at warn and above go to stderr. Thread-safe.
namespace troupe::log {

enum class level { debug, info, warn, error };

struct field {
  std::string_view name;
  std::string value;

  field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  field(std::string_view n, std::string_view v) : name(n), value(v) {}
  field(std::string_view n, const char* v) : name(n), value(v) {}
  field(std::string_view n, bool v) : name(n), value(v ? "true" : "false") {}
  template <class Number>
    requires std::is_arithmetic_v<Number>
  field(std::string_view n, Number v) : name(n), value(std::to_string(v)) {}
};

using sink = void (*)(level, std::string_view event, std::initializer_list<field>);

/// Replaces the sink; call once, before threads start.
void install(sink to, level least) noexcept;

/// Whether a line of this level would be written: ask before building costly fields.
[[nodiscard]] bool enabled(level at) noexcept;

void write(level at, std::string_view event, std::initializer_list<field> fields);

inline void debug(std::string_view event, std::initializer_list<field> fields = {}) {
  write(level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<field> fields = {}) {
  write(level::info, event, fields);
}
inline void warn(std::string_view event, std::initializer_list<field> fields = {}) {
  write(level::warn, event, fields);
}
inline void error(std::string_view event, std::initializer_list<field> fields = {}) {
  write(level::error, event, fields);
}

} // namespace troupe::log
