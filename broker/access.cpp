#include "broker/access.hpp"

#include <algorithm>

namespace troupe {

bool allows(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::any_of(list, [&](const auto& each) { return each == name || each == "*"; });
}

access_table::access_table(std::vector<access_rule> rules) : rules_(std::move(rules)) {
  for (const auto& rule : rules_)
    for (const auto& key : rule.public_keys) by_key_.insert_or_assign(key, &rule);
}

const access_rule* access_table::find(std::string_view public_key) const {
  const auto at = by_key_.find(public_key);
  return at == by_key_.end() ? nullptr : at->second;
}

} // namespace troupe
