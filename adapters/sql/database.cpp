#include "adapters/sql/database.hpp"

#include "messages/base/log.hpp"

#include <fcntl.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

namespace troupe::sql {
namespace {

constexpr std::size_t reader_count = 2;

/// SQLite makes a file with the process's umask; this one holds hashes and private text.
void make_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
}

void connect(soci::session& session, const sql_config& config) {
  session.open(soci::sqlite3, "db=\"" + config.path + "\" timeout=10");
  if (config.exclusive) session << "pragma locking_mode=exclusive";
  std::string mode;
  session << "pragma journal_mode=wal", soci::into(mode);
  session << "pragma synchronous=full";
  session << "pragma foreign_keys=on";
}

void run_statements(soci::session& session, std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find(';');
    const std::string statement(text.substr(0, end));
    if (statement.find_first_not_of(" \n\t") != std::string::npos) session << statement;
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
}

/// Brings the file to the newest version, a step a transaction. Errors: it is newer than we are.
result<void> migrate(soci::session& session, const std::string& path, std::span<const migration> schema) {
  session << "create table if not exists schema_version (version bigint not null)";
  int version = 0;
  soci::indicator known = soci::i_null;
  session << "select max(version) from schema_version", soci::into(version, known);
  if (known != soci::i_ok) version = 0;
  if (version > static_cast<int>(schema.size()))
    return troupe::fail(errc::unavailable, path + " was written by a newer Troupe (schema " +
                                               std::to_string(version) + ", this program knows " +
                                               std::to_string(schema.size()) + ")");
  for (auto next = version; next < static_cast<int>(schema.size()); ++next) {
    soci::transaction step(session);
    run_statements(session, schema[static_cast<std::size_t>(next)]);
    const int reached = next + 1;
    session << "insert into schema_version (version) values (:v)", soci::use(reached);
    step.commit();
  }
  return {};
}

}  // namespace

error to_error(const std::exception& why) {
  if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&why);
      sqlite && (sqlite->result() & 0xFF) == 19)
    return make_error(errc::conflict, "it exists already");
  log::warn("sql.failed", {{"what", why.what()}});
  return make_error(errc::unavailable, "the store did not answer");
}

result<std::shared_ptr<database>> database::open(const sql_config& config,
                                                 std::span<const migration> schema) {
  try {
    make_private(config.path);
    std::shared_ptr<database> made(new database(config));
    connect(made->writer_, config);
    if (auto r = migrate(made->writer_, config.path, schema); !r) return std::unexpected(r.error());
    for (std::size_t i = 0; i < reader_count; ++i) connect(made->readers_.emplace_back(), config);
    made->start();
    return made;
  } catch (const std::exception& why) {
    return troupe::fail(errc::unavailable, "cannot open the database " + config.path + ": " + why.what());
  }
}

void database::start() {
  threads_.emplace_back([this] { write_loop(); });
  for (auto& session : readers_) threads_.emplace_back([this, &session] { read_loop(session); });
}

database::~database() {
  for (auto* q : {&writes_, &reads_}) {
    const std::lock_guard lock(q->mutex);
    q->stopping = true;
    q->wake.notify_all();
  }
  for (auto& t : threads_) t.join();
}

void database::push(queue& to, std::unique_ptr<job> work) {
  {
    const std::lock_guard lock(to.mutex);
    if (to.jobs.size() < limits::store_queue && !to.stopping) {
      to.jobs.push_back(std::move(work));
      to.wake.notify_one();
      return;
    }
  }
  auto why = make_error(errc::overloaded, "too many requests wait for the store");
  why.retry_after_ms = 1000;
  work->fail(std::move(why));
}

void database::write_loop() {
  for (;;) {
    std::deque<std::unique_ptr<job>> batch;
    {
      std::unique_lock lock(writes_.mutex);
      writes_.wake.wait(lock, [this] { return writes_.stopping || !writes_.jobs.empty(); });
      if (writes_.jobs.empty()) return;
      batch.swap(writes_.jobs);
    }
    run_batch(batch);
  }
}

/// One transaction for all that waited. If any statement fails, each is done alone, so that one bad
/// job does not spoil the others.
void database::run_batch(std::deque<std::unique_ptr<job>>& batch) {
  try {
    writer_ << "begin immediate";
    for (auto& one : batch) one->run(writer_);
    writer_ << "commit";
  } catch (const std::exception&) {
    try {
      writer_ << "rollback";
    } catch (const std::exception&) {  // none was open
    }
    for (auto& one : batch) run_alone(*one);
    return;
  }
  for (auto& one : batch) one->answer();
}

void database::run_alone(job& one) {
  try {
    writer_ << "begin immediate";
    one.run(writer_);
    writer_ << "commit";
  } catch (const std::exception& why) {
    try {
      writer_ << "rollback";
    } catch (const std::exception&) {  // none was open
    }
    return one.fail(to_error(why));
  }
  one.answer();
}

void database::read_loop(soci::session& session) {
  for (;;) {
    std::unique_ptr<job> one;
    {
      std::unique_lock lock(reads_.mutex);
      reads_.wake.wait(lock, [this] { return reads_.stopping || !reads_.jobs.empty(); });
      if (reads_.jobs.empty()) return;
      one = std::move(reads_.jobs.front());
      reads_.jobs.pop_front();
    }
    try {
      one->run(session);
    } catch (const std::exception& why) {
      one->fail(to_error(why));
      continue;
    }
    one->answer();
  }
}

}  // namespace troupe::sql
