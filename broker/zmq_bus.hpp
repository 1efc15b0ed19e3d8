#pragma once

#include "broker/access.hpp"
#include "broker/bus.hpp"
#include "broker/keys.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace troupe::wire {
class flight_recorder;
}

namespace troupe {

struct bus_config {
  std::vector<std::string> join;     ///< broker addresses, `tcp://127.0.0.1:7700`
  std::string node_name;             ///< for logs and the broker's view
  std::vector<std::string> roles;    ///< of this node; a `router` may set the caller
  std::vector<bus_service> services; ///< served by this node, may be empty
  /// For how long something in the node has not been run; any thread, quick. Null: nobody looks.
  std::function<std::chrono::milliseconds()> stuck{};
  /// Of the call ids that this bus may ask with; 0: the process's own_incarnation().
  std::uint64_t incarnation = 0;
  /// Whose thread owns the sockets and runs the callbacks; it runs already and outlives the bus,
  /// which holds it for at most 200 ms when it stops. Null: a thread of the bus's own.
  boost::asio::io_context* loop = nullptr;
  /// With both links are encrypted; without either they are not, and lead to loopback only. Several
  /// broker keys while the brokers' key is rotated: each link tries them in turn.
  secret key = {};                           ///< of this node
  std::vector<std::string> broker_keys = {}; ///< public
};

/// A node's link to its brokers. Starts at once; answers may come
/// before the call returns.
[[nodiscard]] std::unique_ptr<bus> make_zmq_bus(bus_config config, bus_handlers handlers);

struct broker_config {
  std::string bind; ///< `tcp://127.0.0.1:7700`; port 0 picks one
  /// How long it looks for the next frame before it sleeps while there are few calls.
  std::chrono::microseconds spin{500};
  /// With both all links are encrypted and only what the table allows is done; without either the
  /// address must be loopback.
  secret key = {};
  std::shared_ptr<const access_table> access = nullptr;
  std::string name = "broker"; ///< of its process, for whoever asks how it stands
  /// Keeps what the broker took and sent, if it is there.
  std::shared_ptr<wire::flight_recorder> recorder = nullptr;
};

/// A running broker: one thread, one ROUTER socket, one state machine. The destructor stops it.
class broker_node {
public:
  virtual ~broker_node() = default;
  [[nodiscard]] virtual std::string address() const = 0;
  /// Serves on until nothing is in flight and every peer that drains as well has left, or
  /// `patience` is over; then says goodbye.
  virtual void drain(std::chrono::milliseconds patience) = 0;
  /// What is allowed from now on; any thread. Peers whose key is gone are cut off. A broker without
  /// a key goes on allowing all.
  virtual void set_access(std::shared_ptr<const access_table> table) = 0;
};

/// Errors: the address cannot be bound, is not loopback and there is no key, or a stranger who
/// tries the address is not refused.
[[nodiscard]] std::unique_ptr<broker_node> start_broker(const broker_config& config,
                                                        std::string& why);

} // namespace troupe
