#pragma once

#include "actors/ports/conversation_store.hpp"
#include "actors/ports/document_store.hpp"
#include "actors/ports/log_store.hpp"
#include "actors/ports/user_store.hpp"

#include <memory>
#include <string>

/// The stores of the roles over SOCI, today on SQLite. One file a role. Each file has one writer
/// thread with group commit (WAL, synchronous=FULL: a reply means "on disk") and reader threads.
namespace troupe {

struct sql_config {
  std::string path;       ///< the SQLite file; made with mode 0600 when it is not there
  bool exclusive = false; ///< network file systems: one connection, nobody else can open it
};

struct auth_stores {
  std::unique_ptr<user_store> users;
  std::unique_ptr<api_key_store> keys;
};

struct prompt_stores {
  std::unique_ptr<file_store> files;
  std::unique_ptr<store_catalog> stores;
  std::unique_ptr<conversation_store> conversations;
};

// Migrations run first. Errors name the file: it cannot be opened, is no database, or was written
// by a newer program.
[[nodiscard]] result<auth_stores> open_auth_stores(const sql_config& config);
[[nodiscard]] result<prompt_stores> open_prompt_stores(const sql_config& config);
[[nodiscard]] result<std::unique_ptr<log_store>> open_log_store(const sql_config& config);

} // namespace troupe
