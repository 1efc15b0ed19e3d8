#pragma once

#include "adapters/sql/limit_rows.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// Inside adapters/sql only.
namespace troupe::sql {

/// A call of limit_store that waits for the database. Its arguments are within the port's bounds.
class limit_call {
public:
  virtual ~limit_call() = default;
  /// The reservations that it names.
  [[nodiscard]] virtual std::vector<std::string> ids() const = 0;
  /// The counters that it needs beside those of its reservations.
  [[nodiscard]] virtual std::vector<std::string> counters() const { return {}; }
  /// Decides; may be done again when the transaction was not kept. `known` are the reservations
  /// whose counters are locked.
  virtual void decide(limit_rules::limit_book& book, const std::set<std::string>& known,
                      std::int64_t now) = 0;
  /// Answers what was decided last, or why nothing was. Once.
  virtual void answer(const std::optional<error>& why) = 0;
};

using limit_batch = std::vector<std::unique_ptr<limit_call>>;

[[nodiscard]] std::unique_ptr<limit_call> make_reserve(std::string id,
                                                       std::vector<limit_want> wants,
                                                       reply<limit_verdict> answer);
[[nodiscard]] std::unique_ptr<limit_call> make_settle(std::string id,
                                                      std::vector<std::int64_t> amounts,
                                                      reply<done> answer);
/// At most limits::limit_batch_ids.
[[nodiscard]] std::unique_ptr<limit_call> make_renew(std::vector<std::string> ids,
                                                     reply<std::vector<std::string>> answer);

/// Decides all calls, one after the other, in the transaction that is open: all counters are locked
/// first, in the order of their names, so that nodes wait for each other and never in a circle.
/// Throws what SOCI throws.
void decide(const limit_batch& calls, soci::session& session, const engine& on);

/// Drops some rows of both tables whose time is long over. False: there may be more.
[[nodiscard]] bool sweep_limits(soci::session& session, const engine& on);

} // namespace troupe::sql
