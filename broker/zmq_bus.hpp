#pragma once

#include "broker/bus.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace troupe {

struct bus_config {
  std::vector<std::string> join;     ///< broker addresses, `tcp://127.0.0.1:7700`
  std::string node_name;             ///< for logs and the broker's view
  std::vector<std::string> roles;    ///< of this node; a `router` may set the caller
  std::vector<bus_service> services; ///< served by this node, may be empty
  /// Of the call ids that this bus may ask with; 0: the process's own_incarnation().
  std::uint64_t incarnation = 0;
  /// Whose thread owns the sockets and runs the callbacks; it runs already and outlives the bus,
  /// which holds it for at most 200 ms when it stops. Null: a thread of the bus's own.
  boost::asio::io_context* loop = nullptr;
};

/// A node's link to its brokers. Starts at once; answers may come
/// before the call returns.
[[nodiscard]] std::unique_ptr<bus> make_zmq_bus(bus_config config, bus_handlers handlers);

struct broker_config {
  std::string bind; ///< `tcp://127.0.0.1:7700`; port 0 picks one
  /// How long it looks for the next frame before it sleeps while there are few calls.
  std::chrono::microseconds spin{500};
};

/// A running broker: one thread, one ROUTER socket, one state machine. The destructor stops it.
class broker_node {
public:
  virtual ~broker_node() = default;
  [[nodiscard]] virtual std::string address() const = 0;
  /// Serves on until nothing is in flight and every peer that drains as well has left, or
  /// `patience` is over; then says goodbye.
  virtual void drain(std::chrono::milliseconds patience) = 0;
};

/// Errors: the address cannot be bound, or is not loopback (encryption does not exist yet).
[[nodiscard]] std::unique_ptr<broker_node> start_broker(const broker_config& config,
                                                        std::string& why);

} // namespace troupe
