#pragma once

#include "messages/base/result.hpp"

#include <sqlite3.h>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

/// The little of SQLite's C interface that this folder needs, with owners and exceptions. Nothing
/// here is thread-safe: a connection belongs to one thread at a time.
namespace troupe::vector_detail {

/// Thrown and caught inside this folder only.
struct sqlite_failure {
  int code = SQLITE_ERROR;
  std::string message;
};

/// The one translation of SQLite's errors.
[[nodiscard]] error to_error(const sqlite_failure& failure);

/// A prepared statement. Bind, step, read; `reset` before the next use. Bound text must outlive it.
class statement {
public:
  statement() = default;
  statement(sqlite3* connection, std::string_view sql);

  statement& bind(int at, std::int64_t value);
  statement& bind(int at, std::string_view text);
  statement& bind_blob(int at, const void* bytes, std::size_t size);
  /// True while there is a row.
  bool step();
  /// Steps to the end and resets.
  void run();
  void reset() noexcept;

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string_view text(int column) const; ///< also blobs; valid until the next step

private:
  struct finalizer {
    void operator()(sqlite3_stmt* held) const noexcept { sqlite3_finalize(held); }
  };
  std::unique_ptr<sqlite3_stmt, finalizer> held_;
};

/// Resets a statement at the end of a scope, whatever happened.
class reset_guard {
public:
  explicit reset_guard(statement& held) : held_(held) {}
  ~reset_guard() { held_.reset(); }
  reset_guard(const reset_guard&) = delete;
  reset_guard& operator=(const reset_guard&) = delete;

private:
  statement& held_;
};

class connection {
public:
  /// Opens or creates the file; `:memory:` is allowed.
  explicit connection(const std::string& path);

  [[nodiscard]] sqlite3* raw() const noexcept { return held_.get(); }
  void execute(const char* sql);
  [[nodiscard]] statement prepare(std::string_view sql) const { return {held_.get(), sql}; }

private:
  struct closer {
    void operator()(sqlite3* held) const noexcept { sqlite3_close_v2(held); }
  };
  std::unique_ptr<sqlite3, closer> held_;
};

/// `begin immediate`, and `rollback` unless committed.
class transaction {
public:
  explicit transaction(connection& on);
  ~transaction();
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  void commit();

private:
  connection& on_;
  bool open_ = true;
};

} // namespace troupe::vector_detail
