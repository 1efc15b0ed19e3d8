#include "adapters/sql/dialect.hpp"

#include "adapters/sql/engine.hpp"

#include <soci/soci.h>

namespace troupe::sql {

std::string with_words(std::string_view statement, dialect_words words) {
  std::string out(statement);
  for (const auto& [word, own] : words)
    for (auto at = out.find(word); at != out.npos; at = out.find(word, at + own.size()))
      out.replace(at, word.size(), own);
  return out;
}

lease_rules::lease_time engine::lease_now(soci::session& session) const {
  long long now = 0;
  session << "select " + std::string(clock_ms()), soci::into(now);
  return {.ms = now};
}

std::string engine::or_update(std::string_view key,
                              std::initializer_list<std::string_view> columns) const {
  std::string out = " on conflict (";
  out.append(key).append(") do update set");
  char before = ' ';
  for (const auto column : columns) {
    out.append(1, before).append(column).append(" = excluded.").append(column);
    before = ',';
  }
  return out;
}

} // namespace troupe::sql
