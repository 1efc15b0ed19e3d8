#include "actors/ports/boot_clock.hpp"
#include "adapters/sql/database.hpp"
#include "adapters/sql/dialect.hpp"

#include <fcntl.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <system_error>
#include <thread>

namespace troupe::sql {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> words{
    {{"@rising_key", "integer"}, {"@long_text", "text"}, {"@bytes", "blob"}}};

/// A number that is new with each start of the machine; empty: it does not tell.
std::string read_boot_id() {
  std::string out;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> out;
  return out;
}

constexpr int busy = 5, constraint = 19; // the low byte of SQLite's extended codes
constexpr std::chrono::seconds patience{10};

int code_of(const soci::sqlite3_soci_error& why) {
  return why.result() & 0xFF;
}

/// Of processes that open a new file at the same time one makes the log; SQLite tells the others at
/// once that it is busy, for here it does not wait as it does elsewhere.
std::string keep_write_ahead_log(soci::session& session) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    try {
      std::string mode;
      session << "pragma journal_mode=wal", soci::into(mode);
      return mode;
    } catch (const soci::sqlite3_soci_error& why) {
      if (code_of(why) != busy || std::chrono::steady_clock::now() >= until) throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

class sqlite_engine final : public engine {
public:
  explicit sqlite_engine(const sql_config& config) : config_(config) {}

  void open(soci::session& session, bool only_reads) const override {
    session.open(soci::sqlite3,
                 "db=\"" + config_.path + "\" timeout=" + std::to_string(patience.count()));
    if (config_.exclusive) session << "pragma locking_mode=exclusive";
    if (keep_write_ahead_log(session) != "wal" && config_.path != ":memory:")
      throw soci::soci_error("its file system cannot keep a write-ahead log");
    session << "pragma synchronous=full";
    session << "pragma foreign_keys=on";
    if (only_reads) session << "pragma query_only=on";
  }
  std::string in_dialect(std::string_view statement) const override {
    return with_words(statement, words);
  }
  std::string_view clock_ms() const override {
    return "cast(strftime('%s', 'now') as integer) * 1000 + cast(substr(strftime('%f', 'now'), 4) "
           "as integer)";
  }
  lease_rules::lease_time lease_now(soci::session&) const override {
    if (boot_id_.empty()) throw soci::soci_error("the machine does not tell when it started");
    return {ms_of(boot_now()), boot_id_, ms_of(std::chrono::system_clock::now())};
  }
  /// Who begins to write has the file to itself.
  std::string_view for_share() const override { return ""; }
  std::string_view for_update() const override { return ""; }
  /// A transaction that only turns into a writing one later can fail then.
  std::string_view begin_write() const override { return "begin immediate"; }
  fault judge(const std::exception& why) const override {
    const auto* of_sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&why);
    return of_sqlite && code_of(*of_sqlite) == constraint ? fault::conflict : fault::other;
  }
  std::string name() const override { return config_.path; }
  /// One schema a file, and beside it leases, whose epochs it may check.
  std::string version_table(std::string_view schema) const override {
    return schema == lease_schema.name ? engine::version_table(schema) : "schema_version";
  }
  bool is_exclusive() const override { return config_.exclusive; }

private:
  template <class Instant>
  static std::int64_t ms_of(Instant at) {
    return std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
  }

  const sql_config config_;
  const std::string boot_id_ = read_boot_id();
};

} // namespace

result<std::unique_ptr<engine>> make_sqlite_engine(const sql_config& config) {
  const auto cannot = [&](const std::string& why) {
    return fail(errc::unavailable, "cannot open the database " + config.path + ": " + why);
  };
  if (config.path.contains('"')) return cannot("a path with a quotation mark is not supported");
  // SQLite makes a file with the process's umask; this one holds hashes and private text. The -wal
  // and -shm files take the mode of the file. A file that is there must not be opened here: to
  // close it would drop the locks of all connections that this process has to it already, and the
  // next process that goes would delete the log under them.
  const int fd = ::open(config.path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
  if (fd < 0 && (errno != EEXIST || ::access(config.path.c_str(), R_OK | W_OK) != 0))
    return cannot(std::generic_category().message(errno));
  return std::make_unique<sqlite_engine>(config);
}

} // namespace troupe::sql
