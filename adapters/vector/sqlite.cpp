#include "adapters/vector/sqlite.hpp"

#include "messages/base/log.hpp"

#include <utility>

namespace troupe::vector_detail {
namespace {

[[noreturn]] void raise(sqlite3* on, int code) {
  throw sqlite_failure{code, on == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(on)};
}

void check(sqlite3* on, int code) {
  if (code != SQLITE_OK) raise(on, code);
}

} // namespace

error to_error(const sqlite_failure& failure) {
  log::error("passage_index.failed", {{"code", failure.code}, {"message", failure.message}});
  switch (failure.code & 0xFF) { // the primary code
    case SQLITE_FULL:
      return make_error(errc::unavailable, "the disk of the passage index is full");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make_error(errc::unavailable, "the passage index is busy");
    case SQLITE_TOOBIG:
      return make_error(errc::too_large, "the document is too large for the index");
    default:
      return make_error(errc::unavailable, "the passage index cannot be read or written");
  }
}

statement::statement(sqlite3* on, std::string_view sql) {
  sqlite3_stmt* made = nullptr;
  check(on, sqlite3_prepare_v3(on, sql.data(), static_cast<int>(sql.size()),
                               SQLITE_PREPARE_PERSISTENT, &made, nullptr));
  held_.reset(made);
}

statement& statement::bind(int at, std::int64_t value) {
  check(sqlite3_db_handle(held_.get()), sqlite3_bind_int64(held_.get(), at, value));
  return *this;
}

statement& statement::bind(int at, std::string_view text) {
  // An empty view may have no address, which SQLite would take for NULL.
  check(sqlite3_db_handle(held_.get()),
        sqlite3_bind_text64(held_.get(), at, text.data() == nullptr ? "" : text.data(), text.size(),
                            SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

statement& statement::bind_blob(int at, const void* bytes, std::size_t size) {
  check(sqlite3_db_handle(held_.get()),
        sqlite3_bind_blob64(held_.get(), at, bytes == nullptr ? "" : bytes, size, SQLITE_STATIC));
  return *this;
}

bool statement::step() {
  const int code = sqlite3_step(held_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) raise(sqlite3_db_handle(held_.get()), code);
  return false;
}

void statement::run() {
  const reset_guard guard(*this);
  while (step()) {
  }
}

void statement::reset() noexcept {
  sqlite3_reset(held_.get());
}

std::int64_t statement::integer(int column) const {
  return sqlite3_column_int64(held_.get(), column);
}

double statement::real(int column) const {
  return sqlite3_column_double(held_.get(), column);
}

std::string_view statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(held_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(held_.get(), column))};
}

connection::connection(const std::string& path) {
  sqlite3* made = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &made,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  held_.reset(made);
  if (code != SQLITE_OK) raise(made, code);
}

void connection::execute(const char* sql) {
  check(held_.get(), sqlite3_exec(held_.get(), sql, nullptr, nullptr, nullptr));
}

transaction::transaction(connection& on) : on_(on) {
  on_.execute("begin immediate");
}

transaction::~transaction() {
  if (open_) sqlite3_exec(on_.raw(), "rollback", nullptr, nullptr, nullptr);
}

void transaction::commit() {
  on_.execute("commit");
  open_ = false;
}

} // namespace troupe::vector_detail
