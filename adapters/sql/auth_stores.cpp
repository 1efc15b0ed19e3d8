#include "adapters/sql/account_rows.hpp"

namespace troupe {

result<account_stores> open_auth_stores(const sql_config& config) {
  auto opened = sql::database::open(config, sql::auth_schema);
  if (!opened) return std::unexpected(std::move(opened.error()));
  const auto& db = *opened;
  return account_stores{sql::make_users(db), sql::make_identities(db),    sql::make_sessions(db),
                        sql::make_keys(db),  sql::make_organizations(db), sql::make_one_time(db),
                        sql::make_caps(db),  sql::make_secrets(db)};
}

result<account_stores> open_memory_auth_stores() {
  return open_auth_stores({.path = ":memory:", .exclusive = true});
}

} // namespace troupe
