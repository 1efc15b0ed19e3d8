#pragma once

#include "adapters/sql/engine.hpp"

#include <soci/soci.h>
#include <chrono>
#include <memory>

namespace troupe::sql {

/// A session that is made anew when it was lost. One thread at a time.
class connection {
public:
  connection(std::shared_ptr<const engine> on, bool only_reads)
      : engine_(std::move(on)), only_reads_(only_reads) {}

  /// Throws what SOCI throws.
  void open();
  [[nodiscard]] soci::session& session() noexcept { return session_; }
  [[nodiscard]] const engine& on() const noexcept { return *engine_; }

  /// Whether it can be used: connects again when it was lost, every 250 ms at most.
  [[nodiscard]] bool ready() noexcept;
  /// Call it when a failure was judged fault::lost.
  void lose() noexcept;

private:
  static constexpr std::chrono::milliseconds try_every{250};

  const std::shared_ptr<const engine> engine_;
  const bool only_reads_;
  soci::session session_;
  bool is_open_ = false;
  std::chrono::steady_clock::time_point next_try_{};
};

} // namespace troupe::sql
