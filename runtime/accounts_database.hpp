#pragma once

#include "adapters/sql/sql_stores.hpp"
#include "runtime/config.hpp"

namespace troupe {

/// Where the accounts are: on a server, or in auth's file.
[[nodiscard]] inline sql_config accounts_database(const config& in) {
  if (has_sql_server(in)) return {.path = {}, .url = in.database.url.value};
  return {.path = database_file(in, "auth").string()};
}

} // namespace troupe
