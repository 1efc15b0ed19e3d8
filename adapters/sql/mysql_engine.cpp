#include "adapters/sql/dialect.hpp"
#include "adapters/sql/engine.hpp"
#include "adapters/sql/server_url.hpp"

#include <soci/mysql/soci-mysql.h>
#include <soci/soci.h>
#include <array>

/// MySQL, MariaDB and Aurora MySQL. Error numbers: the server's and the client's error reference.
namespace troupe::sql {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> words{
    {{"@rising_key", "bigint"}, {"@long_text", "longtext"}, {"@bytes", "longblob"}}};

unsigned number_of(const std::exception& why) {
  const auto* of_mysql = dynamic_cast<const soci::mysql_soci_error*>(&why);
  return of_mysql ? of_mysql->err_num_ : 0;
}

class mysql_engine final : public engine {
public:
  explicit mysql_engine(const sql_server& server) : server_(server) {}

  void open(soci::session& session, bool only_reads) const override {
    std::string how;
    append_parameter(how, "host", server_.host);
    append_parameter(how, "port", std::to_string(server_.port));
    append_parameter(how, "db", server_.database);
    append_parameter(how, "user", server_.user);
    append_parameter(how, "password", server_.password);
    append_parameter(how, "charset", "utf8mb4");
    append_parameter(how, "connect_timeout", "3");
    append_parameter(how, "read_timeout", "15");
    append_parameter(how, "write_timeout", "15");
    if (!server_.ca_file.empty()) append_parameter(how, "sslca", server_.ca_file);
    session.open(soci::mysql, how);
    if (server_.require_tls) check_tls(session);
    // What other nodes commit is seen by the next statement, and a wait for a lock has an end.
    session << "set session transaction isolation level read committed";
    session << "set session innodb_lock_wait_timeout = 5";
    if (!only_reads) end_when_frozen(session);
    session << "set session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'";
  }
  /// Text is compared byte by byte, as in the other databases.
  std::string in_dialect(std::string_view statement) const override {
    auto out = with_words(statement, words);
    if (out.find("create table") != out.npos)
      out += " engine=InnoDB default character set utf8mb4 collate utf8mb4_bin";
    return out;
  }
  /// Not unix_timestamp(), which reads a local time: an hour a year is there twice.
  std::string_view clock_ms() const override {
    return "timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) div 1000";
  }
  std::string_view for_share() const override { return " lock in share mode"; }
  std::string or_update(std::string_view,
                        std::initializer_list<std::string_view> columns) const override {
    std::string out = " on duplicate key update";
    char before = ' ';
    for (const auto column : columns) {
      out.append(1, before).append(column).append(" = values(").append(column).append(")");
      before = ',';
    }
    return out;
  }
  std::string_view begin_write() const override { return "start transaction"; }
  fault judge(const std::exception& why) const override {
    switch (number_of(why)) {
      case 1062: // duplicate key
      case 1451:
      case 1452:
        return fault::conflict;
      case 1205: // a lock was waited for too long
      case 1213:
        return fault::retry; // deadlock
      case 1053:             // shutting down
      case 1290:             // read only: the writer has moved (Aurora's failover)
      case 1836:
      case 1927:
      case 2002:
      case 2003:
      case 2006:
      case 2013:
      case 2055:
        return fault::lost;
      default:
        return fault::other;
    }
  }
  std::string name() const override { return shown(server_); }

  void lock_schema(soci::session& session) const override {
    int got = 0;
    session << "select get_lock('troupe_schema', 30)", soci::into(got);
    if (got != 1) throw soci::soci_error("another process has been migrating it for 30 s");
  }
  void unlock_schema(soci::session& session) const noexcept override {
    try {
      int ignored = 0;
      session << "select release_lock('troupe_schema')", soci::into(ignored);
    } catch (const std::exception&) { // the end of the connection releases it too
    }
  }
  bool is_there(const std::exception& why) const override {
    const auto number = number_of(why);
    return number == 1050 || number == 1061; // the table, the index
  }

private:
  /// A process that is frozen in a transaction keeps its locks for so long, and not for hours.
  /// MySQL has a bound for idle connections only; these are made anew.
  static void end_when_frozen(soci::session& session) {
    constexpr unsigned unknown_variable = 1193;
    try {
      session << "set session idle_transaction_timeout = 5";
    } catch (const std::exception& why) {
      if (number_of(why) != unknown_variable) throw;
      session << "set session wait_timeout = 60";
    }
  }

  /// The client library falls back to plain text without a word.
  static void check_tls(soci::session& session) {
    std::string name, cipher;
    session << "show session status like 'Ssl_cipher'", soci::into(name), soci::into(cipher);
    if (cipher.empty()) throw soci::soci_error("its URL asks for TLS, and the server has none");
  }

  const sql_server server_;
};

} // namespace

std::unique_ptr<engine> make_mysql_engine(const sql_server& server) {
  return std::make_unique<mysql_engine>(server);
}

} // namespace troupe::sql
