#include "messages/base/log.hpp"

#include <atomic>
#include <cstdio>

namespace troupe::log {
namespace {

void to_stderr(level at, std::string_view event, std::initializer_list<field> fields) {
  std::string line(at == level::error ? "error " : "warn ");
  line += event;
  for (const auto& f : fields) {
    line += ' ';
    line += f.name;
    line += '=';
    line += f.value;
  }
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

std::atomic<sink> current{to_stderr};
std::atomic<level> least{level::warn};

} // namespace

void install(sink to, level from) noexcept {
  current = to;
  least = from;
}

bool enabled(level at) noexcept {
  return at >= least.load(std::memory_order_relaxed);
}

void write(level at, std::string_view event, std::initializer_list<field> fields) {
  if (enabled(at)) current.load(std::memory_order_relaxed)(at, event, fields);
}

} // namespace troupe::log
