#include "adapters/sql/dialect.hpp"

#include <array>
#include <utility>

namespace troupe::sql {

std::string in_sqlite(std::string_view statement) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> words{
      {{"@rising_key", "integer"}, {"@long_text", "text"}, {"@bytes", "blob"}}};
  std::string out(statement);
  for (const auto& [word, own] : words)
    for (auto at = out.find(word); at != out.npos; at = out.find(word, at + own.size()))
      out.replace(at, word.size(), own);
  return out;
}

} // namespace troupe::sql
