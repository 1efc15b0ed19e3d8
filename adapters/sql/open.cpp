#include "adapters/sql/database.hpp"
#include "adapters/sql/server_url.hpp"
#include "messages/base/log.hpp"

/// Opening a database: its engine, connections, migrations.
namespace troupe::sql {
namespace {

std::unexpected<error> cannot_open(const engine& where, const std::string& why) {
  return troupe::fail(errc::unavailable, "cannot open the database " + where.name() + ": " + why);
}

/// Runs the statements of one step. Where they take effect at once, one that a process before us
/// still ran is passed over.
void run_statements(const engine& on, soci::session& session, std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find(';');
    const auto statement = text.substr(0, end);
    if (statement.find_first_not_of(" \n\t") != statement.npos) {
      try {
        session << on.in_dialect(statement);
      } catch (const std::exception& why) {
        if (!on.is_there(why)) throw;
      }
    }
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
}

class schema_lock {
public:
  schema_lock(const engine& on, soci::session& session) : on_(on), session_(session) {
    on_.lock_schema(session_);
  }
  ~schema_lock() { on_.unlock_schema(session_); }
  schema_lock(const schema_lock&) = delete;
  schema_lock& operator=(const schema_lock&) = delete;

private:
  const engine& on_;
  soci::session& session_;
};

/// Undone unless it is committed.
class write_transaction {
public:
  write_transaction(const engine& on, soci::session& session) : session_(session) {
    session_ << std::string(on.begin_write());
  }
  ~write_transaction() {
    try {
      if (!is_over_) session_ << "rollback";
    } catch (const std::exception&) { // the connection is gone, and the transaction with it
    }
  }
  write_transaction(const write_transaction&) = delete;
  write_transaction& operator=(const write_transaction&) = delete;
  void commit() {
    session_ << "commit";
    is_over_ = true;
  }

private:
  soci::session& session_;
  bool is_over_ = false;
};

int version_in(soci::session& session, const std::string& table) {
  int out = 0;
  session << "select coalesce(max(version), 0) from " + table, soci::into(out);
  return out;
}

/// Brings the database to the newest version, a step a transaction. Errors: it is newer than we
/// are.
result<schema_change> migrate(const engine& on, soci::session& session, const schema& wanted) {
  const schema_lock lock(on, session);
  const auto newest = static_cast<int>(wanted.steps.size());
  const auto table = on.version_table(wanted.name);
  session << "create table if not exists " + table + " (version bigint not null)";
  int version = version_in(session, table);
  if (version > newest)
    return cannot_open(on, "it was written by a newer Troupe (schema " + std::to_string(version) +
                               ", this program knows " + std::to_string(newest) + ")");
  schema_change out{on.name(), version, newest};
  while (version < newest) {
    write_transaction step(on, session);
    // Processes that share a file wait for each other here.
    version = version_in(session, table);
    if (version < newest) {
      run_statements(on, session, wanted.steps[static_cast<std::size_t>(version)]);
      ++version;
      session << "insert into " + table + " (version) values (:v)", soci::use(version);
    }
    step.commit();
  }
  return out;
}

} // namespace

result<std::unique_ptr<engine>> make_engine(const sql_config& config) {
  if (config.url.empty()) return make_sqlite_engine(config);
  auto server = parse_server_url(config.url);
  if (!server) return std::unexpected(std::move(server.error()));
  return server->what == sql_server::kind::mysql ? make_mysql_engine(*server)
                                                 : make_postgresql_engine(*server);
}

std::string reason_of(const std::exception& why) {
  const auto* of_soci = dynamic_cast<const soci::soci_error*>(&why);
  return of_soci ? of_soci->get_error_message() : why.what();
}

result<schema_change> database::migrate_only(const sql_config& config, const schema& wanted) {
  auto on = make_engine(config);
  if (!on) return std::unexpected(std::move(on.error()));
  try {
    soci::session session;
    (*on)->open(session, false);
    return migrate(**on, session, wanted);
  } catch (const std::exception& why) {
    return cannot_open(**on, reason_of(why));
  }
}

result<std::shared_ptr<database>> database::open(const sql_config& config, const schema& wanted) {
  auto made_engine = make_engine(config);
  if (!made_engine) return std::unexpected(std::move(made_engine.error()));
  const std::shared_ptr<const engine> on = std::move(*made_engine);
  try {
    std::shared_ptr<database> made(new database(on));
    made->writer_.open();
    auto changed = migrate(*on, made->writer_.session(), wanted);
    if (!changed) return std::unexpected(std::move(changed.error()));
    if (changed->before != changed->after)
      log::info("sql.migrated", {{"database", on->name()},
                                 {"schema", wanted.name},
                                 {"from", changed->before},
                                 {"to", changed->after}});
    // With an exclusive lock nobody else gets in: the writer's connection reads too.
    for (std::size_t i = 0; !on->is_exclusive() && i < wanted.readers; ++i)
      made->readers_.emplace_back(on, true).open();
    made->start();
    return made;
  } catch (const std::exception& why) {
    return cannot_open(*on, reason_of(why));
  }
}

} // namespace troupe::sql

namespace troupe {

result<schema_change> migrate_auth_store(const sql_config& config) {
  return sql::database::migrate_only(config, sql::auth_schema);
}
result<schema_change> migrate_lease_store(const sql_config& config) {
  return sql::database::migrate_only(config, sql::lease_schema);
}
result<schema_change> migrate_limit_store(const sql_config& config) {
  return sql::database::migrate_only(config, sql::limit_schema);
}
result<schema_change> migrate_prompt_store(const sql_config& config) {
  return sql::database::migrate_only(config, sql::prompt_schema);
}
result<schema_change> migrate_log_store(const sql_config& config) {
  return sql::database::migrate_only(config, sql::log_schema);
}

} // namespace troupe
