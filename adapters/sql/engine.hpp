#pragma once

#include "actors/ports/lease_book.hpp"
#include "adapters/sql/sql_stores.hpp"

#include <cstdint>
#include <exception>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace soci {
class session;
}

/// Inside adapters/sql only: where SQLite, MySQL (MariaDB, Aurora) and PostgreSQL differ.
namespace troupe::sql {

struct sql_server;

/// What a failure means to the work that met it.
enum class fault : std::uint8_t {
  conflict, ///< a constraint: the same work fails again
  retry,    ///< a deadlock, or a wait for a lock that took too long: nothing was kept, do it again
  lost,     ///< the connection is gone, or leads to a server that takes no writes any more
  other,
};

/// One kind of database and where it is. Immutable, so any thread may use it.
class engine {
public:
  virtual ~engine() = default;

  /// Connects `session`, which is closed. Throws what SOCI throws.
  virtual void open(soci::session& session, bool only_reads) const = 0;
  /// A statement of a schema in the words of this database (dialect.hpp).
  [[nodiscard]] virtual std::string in_dialect(std::string_view statement) const = 0;
  /// An expression: the milliseconds since 1970 by the clock of the database's machine, now.
  [[nodiscard]] virtual std::string_view clock_ms() const = 0;
  /// The clock of leases: the server's, or, of a file, that of the machine since it started, which
  /// all processes that can share the file have. Throws what SOCI throws.
  [[nodiscard]] virtual lease_rules::lease_time lease_now(soci::session& session) const;
  /// Stands behind a select of one row, which then stays as it is until the transaction ends.
  [[nodiscard]] virtual std::string_view for_share() const = 0;
  /// Stands behind a select of rows that this transaction will write, and nobody else before its
  /// end.
  [[nodiscard]] virtual std::string_view for_update() const { return " for update"; }
  /// What stands behind `insert … values …`, so that a row whose `key` is there takes these columns
  /// instead. Locks the row.
  [[nodiscard]] virtual std::string or_update(
      std::string_view key, std::initializer_list<std::string_view> columns) const;
  /// Begins a transaction that will write.
  [[nodiscard]] virtual std::string_view begin_write() const = 0;
  [[nodiscard]] virtual fault judge(const std::exception& why) const = 0;
  /// For messages to the operator: the file or the address, without a password.
  [[nodiscard]] virtual std::string name() const = 0;

  /// Between these calls no other process migrates the same database. Nothing where a file's own
  /// lock does it.
  virtual void lock_schema(soci::session&) const {}
  virtual void unlock_schema(soci::session&) const noexcept {}
  /// Whether statements of a schema take effect at once, transaction or not; then one whose object
  /// is there already (`is_there`) was run by a process that died before it could say so.
  [[nodiscard]] virtual bool is_there(const std::exception&) const { return false; }

  /// Several schemas may share a server's database, a file has one.
  [[nodiscard]] virtual std::string version_table(std::string_view schema) const {
    return std::string(schema) + "_schema_version";
  }
  /// One connection for everything (a file on a network file system).
  [[nodiscard]] virtual bool is_exclusive() const { return false; }
};

/// What `config` names. Errors: its URL is wrong, the file cannot be made.
[[nodiscard]] result<std::unique_ptr<engine>> make_engine(const sql_config& config);
[[nodiscard]] result<std::unique_ptr<engine>> make_sqlite_engine(const sql_config& config);
[[nodiscard]] std::unique_ptr<engine> make_mysql_engine(const sql_server& server);
[[nodiscard]] std::unique_ptr<engine> make_postgresql_engine(const sql_server& server);

} // namespace troupe::sql
