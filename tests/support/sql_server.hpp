#pragma once

#include "tests/support/server_process.hpp"

namespace troupe::test {

/// A database server of the test's own (tests/support/sql_server.py): `mariadb` or `postgresql`.
/// Words: `fresh`, `kill`, `start`, `restart`.
class sql_server_process : public server_process {
public:
  explicit sql_server_process(const std::string& kind) : server_process(TROUPE_SQL_SERVER, kind) {}
};

} // namespace troupe::test
