#include "adapters/sql/dialect.hpp"
#include "adapters/sql/engine.hpp"
#include "adapters/sql/server_url.hpp"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <array>

/// PostgreSQL and Aurora PostgreSQL. States: PostgreSQL's manual, appendix A.
namespace troupe::sql {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> words{
    {{"@rising_key", "bigint"}, {"@long_text", "text"}, {"@bytes", "bytea"}}};

constexpr long long schema_lock = 0x74726f757065; // "troupe"

/// SOCI's words for a connection that could not be made.
bool is_refused(const std::exception& why) {
  return std::string_view(why.what()).contains("Cannot establish connection");
}

class postgresql_engine final : public engine {
public:
  explicit postgresql_engine(const sql_server& server) : server_(server) {}

  void open(soci::session& session, bool only_reads) const override {
    std::string how;
    append_parameter(how, "host", server_.host);
    append_parameter(how, "port", std::to_string(server_.port));
    append_parameter(how, "dbname", server_.database);
    append_parameter(how, "user", server_.user);
    append_parameter(how, "password", server_.password);
    append_parameter(how, "application_name", "troupe");
    append_parameter(how, "connect_timeout", "3");
    append_parameter(how, "tcp_user_timeout", "15000");
    append_parameter(how, "client_encoding", "UTF8");
    if (server_.require_tls)
      append_parameter(how, "sslmode", server_.ca_file.empty() ? "require" : "verify-full");
    if (!server_.ca_file.empty()) append_parameter(how, "sslrootcert", server_.ca_file);
    session.open(soci::postgresql, how);
    session << "set statement_timeout = '15s'";
    session << "set lock_timeout = '5s'";
    session << "set client_min_messages = 'warning'";
    // A process that is frozen in a transaction keeps its locks for so long, and not for ever.
    session << (only_reads ? "set default_transaction_read_only = on"
                           : "set idle_in_transaction_session_timeout = '5s'");
  }
  std::string in_dialect(std::string_view statement) const override {
    return with_words(statement, words);
  }
  std::string_view clock_ms() const override {
    return "cast(floor(extract(epoch from clock_timestamp()) * 1000) as bigint)";
  }
  std::string_view for_share() const override { return " for share"; }
  std::string_view begin_write() const override { return "begin"; }
  fault judge(const std::exception& why) const override {
    const auto* of_server = dynamic_cast<const soci::postgresql_soci_error*>(&why);
    if (of_server == nullptr) return is_refused(why) ? fault::lost : fault::other;
    const auto state = of_server->sqlstate();
    if (state.starts_with("23")) return fault::conflict;
    if (state == "40001" || state == "40P01" || state == "55P03") return fault::retry;
    // 25006: read only, the writer has moved; 25P03: we were frozen in a transaction; blank: the
    // connection ended without a word.
    if (state.starts_with("08") || state.starts_with("57P") || state == "25006" ||
        state == "25P03" || state.find_first_not_of(' ') == state.npos)
      return fault::lost;
    return fault::other;
  }
  std::string name() const override { return shown(server_); }

  void lock_schema(soci::session& session) const override {
    session << "set lock_timeout = '30s'";
    session << "select pg_advisory_lock(" + std::to_string(schema_lock) + ")";
    session << "set lock_timeout = '5s'";
  }
  void unlock_schema(soci::session& session) const noexcept override {
    try {
      session << "select pg_advisory_unlock(" + std::to_string(schema_lock) + ")";
    } catch (const std::exception&) { // the end of the connection releases it too
    }
  }

private:
  const sql_server server_;
};

} // namespace

std::unique_ptr<engine> make_postgresql_engine(const sql_server& server) {
  return std::make_unique<postgresql_engine>(server);
}

} // namespace troupe::sql
