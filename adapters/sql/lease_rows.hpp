#pragma once

#include "actors/ports/lease_book.hpp"
#include "adapters/sql/database.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// Inside adapters/sql only: how leases lie in their tables.
namespace troupe::sql {

struct lease_key {
  std::string service;
  shard_number shard = 0;
  auto operator<=>(const lease_key&) const = default;
};
using lease_rows = std::map<lease_key, lease_rules::lease_row>; ///< in the order of locking

/// The tables of leases in the transaction that is open. All throw what SOCI throws. Statements
/// carry `rows_a_statement` rows, and one state.
class lease_tables {
public:
  static constexpr std::size_t rows_a_statement = 128;

  lease_tables(soci::session& session, const engine& on) : session_(session), on_(on) {}

  /// Makes the rows that are not there, locks all in their order and reads them.
  void lock(lease_rows& rows) const;
  void replace(const lease_rows& rows) const;
  /// The time of rows of one service that change in nothing else; their shards as a list of SQL.
  void lengthen(const std::string& service, const std::string& shards, std::int64_t until) const;

  /// Empty: none was saved.
  [[nodiscard]] std::string read_state(const lease_key& of) const;
  void replace_state(const lease_key& of, const std::string& state) const;

  void join(const std::string& service, const std::string& node, const lease_rules::lease_time& now,
            std::chrono::milliseconds ttl) const;
  void leave(const std::string& service, const std::string& node) const;
  /// Those who live, sorted, at most limits::shard_nodes.
  [[nodiscard]] std::vector<std::string> members(const std::string& service,
                                                 const lease_rules::lease_time& now) const;
  /// Drops some who have been gone for a minute.
  void forget_members(const std::string& service, const lease_rules::lease_time& now) const;

private:
  void put(const lease_rows& rows, const std::string& behind) const;
  /// Those that are there, locked in their order; answers how many.
  std::size_t read(lease_rows& rows) const;

  soci::session& session_;
  const engine& on_;
};

} // namespace troupe::sql
