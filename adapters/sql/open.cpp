#include "adapters/sql/database.hpp"
#include "adapters/sql/dialect.hpp"
#include "messages/base/log.hpp"

#include <fcntl.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>
#include <cerrno>
#include <system_error>

/// Opening a file: connections, migrations; and SQLite's errors.
namespace troupe::sql {
namespace {

constexpr std::size_t reader_count = 2;

std::unexpected<error> cannot_open(const std::string& path, const std::string& why) {
  return troupe::fail(errc::unavailable, "cannot open the database " + path + ": " + why);
}

/// SQLite makes a file with the process's umask; this one holds hashes and private text. The -wal
/// and -shm files take the mode of the file.
result<void> make_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return cannot_open(path, std::generic_category().message(errno));
  ::close(fd);
  return {};
}

void connect(soci::session& session, const sql_config& config) {
  session.open(soci::sqlite3, "db=\"" + config.path + "\" timeout=10");
  if (config.exclusive) session << "pragma locking_mode=exclusive";
  std::string mode;
  session << "pragma journal_mode=wal", soci::into(mode);
  if (mode != "wal") throw soci::soci_error("its file system cannot keep a write-ahead log");
  session << "pragma synchronous=full";
  session << "pragma foreign_keys=on";
}

void run_statements(soci::session& session, std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find(';');
    const auto statement = text.substr(0, end);
    if (statement.find_first_not_of(" \n\t") != statement.npos) session << in_sqlite(statement);
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
}

long long stored_version(soci::session& session) {
  long long version = 0;
  session << "select coalesce(max(version), 0) from schema_version", soci::into(version);
  return version;
}

/// Brings the file to the newest version, a step a transaction. Errors: it is newer than we are.
result<void> migrate(soci::session& session, const std::string& path,
                     std::span<const migration> schema) {
  const auto newest = static_cast<long long>(schema.size());
  session << "create table if not exists schema_version (version bigint not null)";
  auto version = stored_version(session);
  if (version > newest)
    return cannot_open(path, "it was written by a newer Troupe (schema " + std::to_string(version) +
                                 ", this program knows " + std::to_string(newest) + ")");
  while (version < newest) {
    soci::transaction step(session);
    run_statements(session, schema[static_cast<std::size_t>(version)]);
    ++version;
    session << "insert into schema_version (version) values (:v)", soci::use(version);
    step.commit();
  }
  return {};
}

} // namespace

std::string reason_of(const std::exception& why) {
  const auto* of_soci = dynamic_cast<const soci::soci_error*>(&why);
  return of_soci ? of_soci->get_error_message() : why.what();
}

error to_error(const std::exception& why) {
  constexpr int sqlite_constraint = 19; // the low byte of SQLite's extended codes
  if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&why);
      sqlite && (sqlite->result() & 0xFF) == sqlite_constraint)
    return make_error(errc::conflict, "it exists already");
  log::warn("sql.failed", {{"why", reason_of(why)}});
  return make_error(errc::unavailable, "the store did not answer");
}

result<std::shared_ptr<database>> database::open(const sql_config& config,
                                                 std::span<const migration> schema) {
  if (config.path.contains('"'))
    return cannot_open(config.path, "a path with a quotation mark is not supported");
  if (auto r = make_private(config.path); !r) return std::unexpected(std::move(r.error()));
  try {
    std::shared_ptr<database> made(new database(config));
    connect(made->writer_, config);
    if (auto r = migrate(made->writer_, config.path, schema); !r)
      return std::unexpected(std::move(r.error()));
    // With an exclusive lock nobody else gets in: the writer's connection reads too.
    for (std::size_t i = 0; !config.exclusive && i < reader_count; ++i) {
      auto& reader = made->readers_.emplace_back();
      connect(reader, config);
      reader << "pragma query_only=on";
    }
    made->start();
    return made;
  } catch (const std::exception& why) {
    return cannot_open(config.path, reason_of(why));
  }
}

} // namespace troupe::sql
