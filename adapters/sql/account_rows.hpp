#pragma once

#include "actors/ports/user_store.hpp"
#include "adapters/sql/database.hpp"
#include "messages/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Inside adapters/sql only: what the stores of the accounts share.
namespace troupe::sql {

[[nodiscard]] inline std::unexpected<error> none(const char* what) {
  return fail(errc::not_found, what);
}

template <class Row>
result<Row> found(std::optional<Row> row, const char* what) {
  if (!row) return none(what);
  return std::move(*row);
}

template <class Row>
result<Row> first(std::vector<Row> rows, const char* what) {
  if (rows.empty()) return none(what);
  return std::move(rows.front());
}

/// Runs a prepared statement; how many rows it changed.
inline long long affected(soci::statement& statement) {
  statement.execute(true);
  return statement.get_affected_rows();
}

/// Words in one column, separated by spaces.
[[nodiscard]] std::string joined(const std::vector<std::string>& words);
[[nodiscard]] std::vector<std::string> split(std::string_view text);

[[nodiscard]] std::unique_ptr<user_store> make_users(std::shared_ptr<database> db);
[[nodiscard]] std::unique_ptr<identity_store> make_identities(std::shared_ptr<database> db);
[[nodiscard]] std::unique_ptr<session_store> make_sessions(std::shared_ptr<database> db);
[[nodiscard]] std::unique_ptr<api_key_store> make_keys(std::shared_ptr<database> db);
[[nodiscard]] std::unique_ptr<organization_store> make_organizations(std::shared_ptr<database> db);
[[nodiscard]] std::unique_ptr<one_time_store> make_one_time(std::shared_ptr<database> db);
[[nodiscard]] std::unique_ptr<caps_store> make_caps(std::shared_ptr<database> db);
[[nodiscard]] std::unique_ptr<secret_store> make_secrets(std::shared_ptr<database> db);

} // namespace troupe::sql
