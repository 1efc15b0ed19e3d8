#pragma once

#include "adapters/sql/lease_rows.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Inside adapters/sql only.
namespace troupe::sql {

/// Rows that are locked, and the states and members beside them, in one transaction.
struct lease_desk {
  lease_tables tables;
  lease_rules::lease_time now;
  lease_rows rows;
};

/// A call of lease_store that waits for the database. Its arguments are within the port's bounds.
class lease_call {
public:
  virtual ~lease_call() = default;
  /// The shards that it needs.
  [[nodiscard]] virtual std::vector<lease_key> keys() const { return {}; }
  /// Of the states that it carries.
  [[nodiscard]] virtual std::size_t bytes() const { return 0; }
  /// Decides; may be done again when the transaction was not kept.
  virtual void decide(lease_desk& desk) = 0;
  /// Answers what was decided last, or why nothing was. Once.
  virtual void answer(const std::optional<error>& why) = 0;
};
using lease_batch = std::vector<std::unique_ptr<lease_call>>;

[[nodiscard]] std::unique_ptr<lease_call> make_join(std::string service, std::string node,
                                                    std::chrono::milliseconds ttl,
                                                    reply<std::vector<std::string>> answer);
[[nodiscard]] std::unique_ptr<lease_call> make_leave(std::string service, std::string node,
                                                     reply<done> answer);
[[nodiscard]] std::unique_ptr<lease_call> make_take(std::string service, std::string node,
                                                    std::vector<shard_number> shards,
                                                    std::chrono::milliseconds ttl,
                                                    reply<std::vector<lease_verdict>> answer);
[[nodiscard]] std::unique_ptr<lease_call> make_keep(std::string service, std::string node,
                                                    std::vector<lease_hold> holds,
                                                    std::chrono::milliseconds ttl,
                                                    reply<std::vector<lease_kept>> answer);
[[nodiscard]] std::unique_ptr<lease_call> make_give(std::string service, std::string node,
                                                    std::vector<lease_hold> holds,
                                                    reply<std::vector<shard_number>> answer);

/// Decides all calls, one after the other, in the transaction that is open: all rows are locked
/// first, in their order, so that processes wait for each other and never in a circle; the clock is
/// read when they are. Throws what SOCI throws.
void decide(const lease_batch& calls, soci::session& session, const engine& on);

} // namespace troupe::sql
