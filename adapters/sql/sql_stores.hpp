#pragma once

#include "actors/ports/account_stores.hpp"
#include "actors/ports/conversation_store.hpp"
#include "actors/ports/document_store.hpp"
#include "actors/ports/lease_store.hpp"
#include "actors/ports/limit_store.hpp"
#include "actors/ports/log_store.hpp"

#include <memory>
#include <string>
#include <string_view>

/// The stores of the roles over SOCI: on SQLite, one file a role, and the accounts also on MySQL,
/// MariaDB and PostgreSQL. Each database has one writer thread with group commit (a reply means
/// that the commit has come back; in SQLite WAL with synchronous=FULL, so that it is on disk) and
/// reader threads, with a connection each. Several processes may share a server's database, not a
/// file.
///
/// A server that is gone: what needs it is `unavailable` with the time to come back, at once while
/// it refuses connections; the connections are made anew when it is back, tried every 250 ms.
namespace troupe {

struct sql_config {
  std::string path;       ///< the SQLite file; made with mode 0600 when it is not there
  bool exclusive = false; ///< network file systems: one connection, nobody else can open it
  std::string url = {};   ///< in place of a file: `mysql://…` or `postgresql://…`, accounts only
};

/// A schema's version before and after its migrations.
struct schema_change {
  std::string database; ///< the file, or the server's address without a password
  int before = 0, after = 0;
};

struct prompt_stores {
  std::unique_ptr<file_store> files;
  std::unique_ptr<store_catalog> stores;
  std::unique_ptr<conversation_store> conversations;
};

// Migrations run first. Errors name the file: it cannot be opened, is no database, or was written
// by a newer program.
/// Whether `url` can be an sql_config's. Errors say what is wrong with it and keep the password.
[[nodiscard]] result<void> check_sql_url(std::string_view url);

/// Brings a role's database to the newest version and closes it. What opens it does so by itself;
/// this is for deployments that want it done, and seen, before. Errors as of open_…_stores().
[[nodiscard]] result<schema_change> migrate_auth_store(const sql_config& config);
[[nodiscard]] result<schema_change> migrate_lease_store(const sql_config& config);
[[nodiscard]] result<schema_change> migrate_limit_store(const sql_config& config);
[[nodiscard]] result<schema_change> migrate_prompt_store(const sql_config& config);
[[nodiscard]] result<schema_change> migrate_log_store(const sql_config& config);

[[nodiscard]] result<account_stores> open_auth_stores(const sql_config& config);
/// On a server, where all auth processes share it exactly: a schema of its own beside the accounts,
/// and one connection. A file is not shared; there it must be another than the accounts' file.
[[nodiscard]] result<std::unique_ptr<limit_store>> open_limit_store(const sql_config& config);
/// Leases of shards, for all processes of a server's database or, on one machine, of a file. A
/// schema of its own that may lie in another role's database, whose stores then can check epochs in
/// their own transactions (lease_fence.hpp).
[[nodiscard]] result<std::unique_ptr<lease_store>> open_lease_store(const sql_config& config);
/// In memory, for tests and demonstrations: gone with the last of its stores.
[[nodiscard]] result<account_stores> open_memory_auth_stores();
[[nodiscard]] result<prompt_stores> open_prompt_stores(const sql_config& config);
[[nodiscard]] result<std::unique_ptr<log_store>> open_log_store(const sql_config& config);

} // namespace troupe
