#include "adapters/sql/connection.hpp"

#include "adapters/sql/database.hpp"
#include "messages/base/log.hpp"

#include <utility>

namespace troupe::sql {

void connection::open() {
  engine_->open(session_, only_reads_);
  is_open_ = true;
}

bool connection::ready() noexcept {
  if (is_open_) return true;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_try_) return false;
  try {
    open();
    log::info("sql.connected", {{"database", engine_->name()}});
    return true;
  } catch (const std::exception& why) {
    lose();
    log::debug("sql.unreachable", {{"database", engine_->name()}, {"why", reason_of(why)}});
    return false;
  }
}

void connection::lose() noexcept {
  // A connection that has just been lost may be an idle one that the server ended: try at once.
  if (std::exchange(is_open_, false))
    log::warn("sql.lost", {{"database", engine_->name()}});
  else
    next_try_ = std::chrono::steady_clock::now() + try_every;
  try {
    session_.close();
  } catch (const std::exception&) { // it is gone already
  }
}

} // namespace troupe::sql
