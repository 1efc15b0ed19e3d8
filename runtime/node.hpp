#pragma once

#include "messages/base/result.hpp"
#include "runtime/config.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace troupe {

/// The roles of one process, wired: stores, actors, the link to the brokers, HTTP. Built from the
/// bottom up, taken down from the top. Not thread-safe: main's thread only.
class node {
public:
  virtual ~node() = default;

  /// Reachable, and linked to a broker where it needs one.
  [[nodiscard]] virtual bool serving() const = 0;
  /// Where it listens, for people: `http://127.0.0.1:8000`, the broker's address, or empty.
  [[nodiscard]] virtual std::string address() const = 0;

  /// It serves: /ready asks the services from now on.
  virtual void begin_serving() = 0;

  /// First, for a while: /ready turns 503, and all else goes on. False: nobody looks at that here.
  virtual bool begin_leaving() = 0;
  /// Takes no new work: /ready turns 503, the listener and idle connections close.
  virtual void begin_drain() = 0;
  /// Nothing runs any more.
  [[nodiscard]] virtual bool idle() const = 0;
  /// Ends what still runs with an error that says why.
  virtual void end_running() = 0;
  /// Whether every usage record has been acknowledged by the log.
  [[nodiscard]] virtual bool flushed() const = 0;
};

/// Errors: a store that cannot be opened, a lock that another process holds, an address in use; the
/// message says which. `in` has passed check_servable().
[[nodiscard]] result<std::unique_ptr<node>> start_node(const config& in);

} // namespace troupe
