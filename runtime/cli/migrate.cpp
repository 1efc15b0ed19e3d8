#include "runtime/cli/migrate.hpp"

#include "runtime/accounts_database.hpp"
#include "runtime/cli/terminal.hpp"
#include "runtime/lock_file.hpp"

#include <boost/json.hpp>
#include <cstdio>
#include <string>
#include <vector>

namespace troupe::cli {
namespace {

struct outcome_of_schema {
  std::string_view role, schema;
  schema_change change;
};

/// The schemas of a role, in the order in which they are brought up to date.
std::vector<std::string_view> schemas_of(const config& in, std::string_view role) {
  // Whether the nodes will be linked, and count among themselves, is not known here.
  if (role == "auth" && has_sql_server(in) && in.redis.url.value.empty())
    return {role, "limits", "leases"};
  if (role == "prompt" && !broker_links(in).empty()) return {role, "leases"};
  return {role};
}

result<schema_change> migrate(const config& in, std::string_view role, std::string_view schema) {
  if (schema == "limits") return migrate_limit_store(accounts_database(in));
  if (schema == "leases" && role == "auth") return migrate_lease_store(accounts_database(in));
  if (role == "auth" && has_sql_server(in)) return migrate_auth_store(accounts_database(in));
  // A file belongs to one process: what serves from it has migrated it already.
  auto lock = lock_file::take(role_lock_file(in, role), "troupe migrate");
  if (!lock) return std::unexpected(std::move(lock.error()));
  if (role == "auth") return migrate_auth_store(accounts_database(in));
  const sql_config file{.path = database_file(in, role).string()};
  if (schema == "leases") return migrate_lease_store(file);
  return role == "log" ? migrate_log_store(file) : migrate_prompt_store(file);
}

void print(const std::vector<outcome_of_schema>& done, bool as_json) {
  if (as_json) {
    boost::json::array out;
    for (const auto& one : done)
      out.push_back(boost::json::object{{"role", one.role},
                                        {"schema", one.schema},
                                        {"database", one.change.database},
                                        {"from", one.change.before},
                                        {"to", one.change.after}});
    std::printf("%s\n", boost::json::serialize(out).c_str());
    return;
  }
  std::vector<std::vector<std::string>> rows{{"ROLE", "SCHEMA", "DATABASE", "FROM", "TO"}};
  for (const auto& one : done)
    rows.push_back({std::string(one.role), std::string(one.schema), printable(one.change.database),
                    std::to_string(one.change.before), std::to_string(one.change.after)});
  print_table(stdout, rows);
}

} // namespace

int run_migrate(const config& in, bool as_json) {
  std::vector<outcome_of_schema> done;
  for (const std::string_view role : {"auth", "log", "prompt"}) {
    if (!has_role(in, role)) continue;
    for (const auto schema : schemas_of(in, role)) {
      auto change = migrate(in, role, schema);
      if (!change) {
        if (!done.empty()) print(done, as_json);
        std::fprintf(stderr, "troupe: %s: %s\n", std::string(schema).c_str(),
                     change.error().message.c_str());
        return 1;
      }
      done.push_back({role, schema, std::move(*change)});
    }
  }
  print(done, as_json);
  return 0;
}

} // namespace troupe::cli
