#pragma once

#include "broker/broker_state.hpp"
#include "broker/node_state.hpp"

/// What a broker and a bus tell /metrics. Counters of the process: several brokers in one add up.
namespace troupe::wire {

class broker_metrics {
public:
  void taken(frame type) noexcept;
  /// Connections that did not get as far as a first message.
  void handshakes_failed(int count) noexcept;
  /// Copies the state's counts; called about twice a heartbeat.
  void publish(const broker_state& state);

private:
  broker_counts last_; ///< what was published already
};

class bus_metrics {
public:
  void publish(const node_state& state) noexcept;
  static void reconnect() noexcept;

private:
  std::uint64_t dropped_ = 0; ///< what was published already
};

} // namespace troupe::wire
