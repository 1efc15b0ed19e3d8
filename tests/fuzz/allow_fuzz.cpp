// Goal: no file crashes a broker that reads it as its allow-list, and what is read keeps the
// bounds. Method: the input is the file.
#include "broker/keys.hpp"
#include "runtime/allow_list.hpp"
#include "tests/fuzz/require.hpp"

#include <cstdint>
#include <set>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe;
  const auto rules = parse_allow_list({reinterpret_cast<const char*>(data), size}, "allow.toml");
  if (!rules) {
    require(rules.error().message.starts_with("allow.toml:"));
    return 0;
  }
  require(rules->size() <= access_principals_max);
  std::set<std::string> keys;
  for (const auto& rule : *rules) {
    require(!rule.principal.empty() && rule.principal.size() <= principal_bytes);
    require(rule.may_register.size() <= access_names_max);
    for (const auto& key : rule.public_keys) require(is_link_key(key) && keys.insert(key).second);
  }
  return 0;
}
