#include "runtime/cli/show_config.hpp"

#include "runtime/cli/terminal.hpp"

#include <boost/json.hpp>
#include <cstdio>

namespace troupe::cli {

std::string config_as_json(const loaded_config& loaded) {
  boost::json::object out;
  for (const auto& setting : loaded.settings) {
    out[setting.key] = boost::json::object{
        {"value", setting.value}, {"origin", setting.origin}, {"help", setting.help}};
  }
  return boost::json::serialize(out);
}

void print_config(const loaded_config& loaded) {
  std::vector<std::vector<std::string>> rows{{"SETTING", "VALUE", "WHERE IT CAME FROM"}};
  for (const auto& setting : loaded.settings) {
    rows.push_back({setting.key, setting.value.empty() ? "-" : shortened(setting.value, 80),
                    printable(setting.origin)});
  }
  print_table(stdout, rows);
}

} // namespace troupe::cli
