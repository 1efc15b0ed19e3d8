#pragma once

#include "broker/node_state.hpp"
#include "tests/sim/history.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

/// A whole cluster in one thread and one seed: the real state machines of brokers and nodes over a
/// network, a clock and processes that are made up. The network is what ZeroMQ over TCP is: in
/// order and without duplicates within a connection, which may break with all that is on its way,
/// and which may lose a single message when a queue is full. Nodes and brokers may say again what
/// they said.
namespace troupe::sim {

struct fault_rates {
  double kill = 1, freeze = 1, cut = 1, partition = 1; ///< each, of any process, in 10 s
  double drain = 1;                                    ///< of any node, which then dies
  double loss = 0.0005;                                ///< of a message
  double repeat = 0.01; ///< of a message: said again, within seconds, as it was
  /// One broker or link at a time, and no other process: what a worker began comes to its end.
  bool is_gentle = false;
};

struct plan {
  std::uint64_t seed = 1;
  int brokers = 1, edges = 2, routers = 2, workers = 3;
  std::uint32_t capacity = 6;       ///< of a worker
  std::chrono::seconds trouble{12}; ///< then every fault ends, and what was asked comes to its end
  std::chrono::milliseconds hop{2}; ///< what a message takes at most
  double requests = 20;             ///< a second, of all edges
  bool is_declared = true;          ///< nodes say the classes of their methods
  fault_rates faults;
};

/// What a mutant of a state machine does otherwise. Null members change nothing. Each may change
/// or drop (false) what it is shown.
struct mutation {
  std::string name;
  std::function<bool(wire::frame_to_send&)> broker_sends;
  std::function<bool(wire::frame_received&)> broker_hears;
  std::function<bool(wire::frame_to_broker&)> node_sends;
  bool is_broker_without_clock = false, is_node_without_clock = false;
};

struct outcome {
  std::vector<std::string> wrongs; ///< promises that were broken; empty: none
  std::size_t asked = 0, finished = 0, frames = 0, kills = 0, freezes = 0, cuts = 0, losses = 0,
              repeats = 0;
};

/// Clusters of one to three brokers with fast and with slow networks, and in one of four seeds
/// faults that may harm nobody.
[[nodiscard]] plan plan_of(std::uint64_t seed);

/// Told what happens in a run; null members are told nothing.
struct watchers {
  std::function<void(const std::string&)> trace = {}; ///< a line each
  /// The recording of each life of a broker, when it ends.
  std::function<void(std::span<const std::byte>)> flight = {};
  /// How many events it has; 0: so many that it has its beginning.
  std::uint32_t flight_records = 0;
};

/// Runs the plan to its end.
[[nodiscard]] outcome run(const plan& what, const mutation& how = {}, const watchers& who = {});

} // namespace troupe::sim
