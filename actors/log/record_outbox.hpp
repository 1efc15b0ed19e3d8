#pragma once

#include "messages/log.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// Records of the program itself (usage, audit) on their way to the log: one batch at a time is in
/// flight, what comes meanwhile waits; a batch that failed goes again under the same name, so that
/// it is stored once. Bounded: past it the oldest waiting records are dropped and counted. Pure
/// bookkeeping.
class record_outbox {
public:
  static constexpr std::size_t waiting_max = 20000;

  void add(std::string user, log_input record);

  /// The next batch, when none is in flight and something waits.
  [[nodiscard]] std::optional<append_logs_request> take();
  /// The log acknowledged the batch.
  void acknowledged() { in_flight_.reset(); }
  /// It did not: the same batch again.
  [[nodiscard]] append_logs_request again() const { return *in_flight_; }

  /// Drops the user's records that wait; answers how many.
  std::size_t forget(const std::string& user);
  /// Whether a record of the user is in flight: it may reach the log yet, more than once.
  [[nodiscard]] bool is_sending(const std::string& user) const;

  [[nodiscard]] std::size_t unacknowledged() const noexcept {
    return waiting_.size() + (in_flight_ ? in_flight_->records.size() : 0);
  }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

private:
  struct entry {
    std::string user;
    log_input record;
  };
  std::vector<entry> waiting_;
  std::optional<append_logs_request> in_flight_;
  std::uint64_t dropped_ = 0;
};

} // namespace troupe
