#include "adapters/sql/dialect.hpp"

namespace troupe::sql {

std::string with_words(std::string_view statement, dialect_words words) {
  std::string out(statement);
  for (const auto& [word, own] : words)
    for (auto at = out.find(word); at != out.npos; at = out.find(word, at + own.size()))
      out.replace(at, word.size(), own);
  return out;
}

} // namespace troupe::sql
