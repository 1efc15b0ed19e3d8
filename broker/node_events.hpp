#pragma once

#include "broker/broker_state.hpp"
#include "broker/bus.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

/// What happens to a node's half of the backbone, and what it answers.
namespace troupe::wire {

/// A link to a broker, as the driver numbers them; 0: none.
using link_id = std::uint32_t;

struct node_identity {
  std::string name;
  std::uint64_t incarnation = 0; ///< not 0
  std::uint64_t link = 0;        ///< random, of this bus
  std::vector<std::string> roles;
  std::vector<bus_service> services;
};

struct node_bounds {
  std::size_t calls = 1u << 16;             ///< asked and not answered
  std::size_t kept_bytes = 64u << 20;       ///< of requests and of answers, each, kept to say again
  std::size_t kept_body_bytes = 256u << 10; ///< a larger request is not kept
  std::size_t work_bytes = 256u << 20;      ///< of requests served at a time
  std::size_t kept_ends = 1u << 14;         ///< answers whose arrival is not known; the last ones
  std::size_t begun = 1u << 16;             ///< room for calls that began, to know them again
  int attempts = 3;                         ///< of a request, one after the other
  /// Credit is passed on when so much of it has come together: a quarter of a stream's first.
  std::uint64_t window_frames = limits::stream_window_frames / 4;
  std::uint64_t window_bytes = limits::stream_window_bytes / 4;
  std::chrono::milliseconds heartbeat = limits::heartbeat;
  std::chrono::milliseconds silence = 5 * limits::heartbeat / 2;   ///< then a broker is dead
  std::chrono::milliseconds suspicion = 3 * limits::heartbeat / 2; ///< then another is preferred
  std::chrono::milliseconds greeting{2000}; ///< from HELLO to WELCOME, and from REGISTER on
  /// A broker answers at the deadline; past this the node does.
  std::chrono::milliseconds grace{100};
  /// A call that lost its way looks for another one for so long, and so often.
  std::chrono::milliseconds search{2500}, search_every{100}, search_ends_every{1000};
  /// A call of which nothing was heard for so long asks its worker what is missing: a message may
  /// have been lost where nobody saw it.
  std::chrono::milliseconds quiet{2000};
  /// When its broker lost the requester, a call looks for it at the others for so long.
  std::chrono::milliseconds last_look{1000};
  /// An answer is kept for so long: longer than a broker's silence takes to be seen.
  std::chrono::milliseconds retention{5000};
  std::chrono::milliseconds forget_every{250}; ///< and then forgotten with those of so long
};

// What happens to a node. The first three come from the transport.
struct link_up {
  link_id link = 0;
  std::string address; ///< of the broker, to tell others
};
struct link_down {
  link_id link = 0;
};
struct broker_frame {
  link_id over = 0;
  envelope header;
  std::string body;
};
// What its services and clients want; the same as the calls of `bus`.
struct send_partial {
  call_id cid;
  std::uint64_t seq = 0;
  std::string body;
};
struct send_final {
  call_id cid;
  std::string body;
};
struct send_failure {
  call_id cid;
  error why;
};
struct stop_asked {};
struct pulse_taken { ///< brokers hear of it with the next heartbeat
  std::chrono::milliseconds stuck{0};
};
struct stats_asked { ///< answered by one stats_heard
  std::uint64_t number = 0;
  std::chrono::milliseconds patience{0};
};
using node_input = std::variant<link_up, link_down, broker_frame, time_passed, bus_request,
                                bus_window, bus_cancel, send_partial, send_final, send_failure,
                                drain_started, stop_asked, pulse_taken, stats_asked>;

// What it answers.
struct frame_to_broker {
  link_id over = 0;
  envelope header;
  std::string body;
};
struct link_changed {
  bool up = false; ///< the first link is registered, or the last one is gone
};
struct link_confirmed { ///< this broker registered all services
  link_id link = 0;
};
struct brokers_heard { ///< what others are linked to
  std::vector<std::string> addresses;
};
struct relink { ///< this connection is of no use: make another
  link_id link = 0;
  std::string why;
};
struct stats_heard { ///< of the brokers that this node is linked to
  std::uint64_t number = 0;
  std::vector<bus_stats> answers;
};
using node_output = std::variant<frame_to_broker, bus_answer, bus_work, link_changed,
                                 link_confirmed, brokers_heard, relink, stats_heard>;

/// What one step says, in order. Numbers the messages.
class outbox {
public:
  explicit outbox(std::uint64_t incarnation) : incarnation_(incarnation) {}

  /// For the step that runs; null in between.
  void open(std::vector<node_output>* into) noexcept { into_ = into; }

  template <class What>
  void put(What what) {
    into_->push_back(std::move(what));
  }
  /// To change further until the next one.
  frame_to_broker& frame_over(link_id over, frame type, const call_id& cid, std::string body = {}) {
    envelope e;
    e.type = type;
    e.mid = next_mid();
    e.cid = cid;
    return std::get<frame_to_broker>(
        into_->emplace_back(frame_to_broker{over, std::move(e), std::move(body)}));
  }
  /// Beside the counters of the process's call ids, which have the highest bit clear.
  [[nodiscard]] call_id next_mid() noexcept { return {incarnation_, ++sent_ | 1ull << 63}; }

private:
  const std::uint64_t incarnation_;
  std::uint64_t sent_ = 0;
  std::vector<node_output>* into_ = nullptr;
};

} // namespace troupe::wire
