#pragma once

#include "actors/protocols.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace troupe {

/// Sends the program's own records (usage, audit) to the log until it has acknowledged them: in
/// batches, one in flight, again after a second when the log is away. At least once; a batch that
/// goes again is stored once. Bounded as record_outbox says. What a process that is killed had not
/// sent yet is lost; one that drains waits for `unacknowledged`.
struct record_keeper {
  caf::actor actor; ///< to end it
  /// Takes a record of a user, from any thread.
  std::function<void(std::string user, log_input record)> keep;
  /// Drops the user's records that wait, and answers when none is in flight: then no record that
  /// was taken before can reach the log any more. Any thread. Errors: the log's, when it is away.
  std::function<void(std::string user, reply<done> answer)> forget;
  /// Records that the log has not acknowledged, for a drain to wait on.
  std::shared_ptr<std::atomic<std::int64_t>> unacknowledged;
};

/// How long records are gathered for one append. A commit a chat would cost more than the chat; but
/// a batch that is stored by the same process takes the processor from requests while it is, so it
/// is short there. Measured, see docs/decisions/0021.
constexpr std::chrono::milliseconds near_log_gathers{5}, far_log_gathers{20};

[[nodiscard]] record_keeper spawn_record_keeper(caf::actor_system& system, log_service::actor log,
                                                std::chrono::milliseconds gather_for);

} // namespace troupe
