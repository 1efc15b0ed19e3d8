#pragma once

#include "actors/ports/conversation_store.hpp"
#include "actors/ports/document_store.hpp"
#include "actors/ports/lease_store.hpp"
#include "actors/ports/limit_store.hpp"
#include "actors/ports/log_store.hpp"
#include "actors/ports/session_cache.hpp"

#include <chrono>
#include <functional>
#include <memory>

/// The stores without a disk, for tests and demonstrations: nothing survives the process. They keep
/// the same contract as the durable ones, but for durability, and answer before the call returns.
namespace troupe {

struct memory_prompt_stores {
  std::unique_ptr<file_store> files;
  std::unique_ptr<store_catalog> stores;
  std::unique_ptr<conversation_store> conversations;
};

/// A clock for tests: milliseconds since any instant, never falling.
using memory_clock = std::function<std::chrono::milliseconds()>;
/// The process's own.
[[nodiscard]] inline std::chrono::milliseconds steady_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
}

/// Limits that hold within one process. Past a bound a reservation is `overloaded`.
struct memory_limits_config {
  memory_clock now = steady_now;
  std::size_t scopes_max = limits::limit_scopes;   ///< counters
  std::size_t records_max = limits::limit_records; ///< reservations that may still be settled
};

/// Sessions that one process knows of. Past entries_max or bytes_max the value that was used
/// longest ago goes; past tombstones_max a revocation is `overloaded`.
struct memory_sessions_config {
  memory_clock now = steady_now;
  std::size_t entries_max = limits::session_entries;
  std::size_t bytes_max = limits::session_bytes; ///< of the values
  std::size_t tombstones_max = limits::session_tombstones;
};

/// The leases of one process, which has all shards to itself; at most limits::lease_services
/// services, past them `overloaded`.
class memory_lease_store : public lease_store {
public:
  /// What check_fence() of adapters/sql says to the stores of a database. Thread-safe.
  [[nodiscard]] virtual result<void> check(const lease_fence& fence) const = 0;
};

[[nodiscard]] std::unique_ptr<memory_lease_store> make_memory_lease_store(
    memory_clock now = steady_now);
[[nodiscard]] std::unique_ptr<limit_store> make_memory_limit_store(
    memory_limits_config config = {});
[[nodiscard]] std::unique_ptr<session_cache> make_memory_session_cache(
    memory_sessions_config config = {});
[[nodiscard]] memory_prompt_stores make_memory_prompt_stores();
[[nodiscard]] std::unique_ptr<log_store> make_memory_log_store();

} // namespace troupe
