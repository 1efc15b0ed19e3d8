#pragma once

#include "broker/broker_state.hpp"
#include "broker/bus.hpp"

#include <set>
#include <unordered_map>
#include <variant>
#include <vector>

/// A node's side of its link to a broker, without sockets, threads or a clock.
namespace troupe::wire {

struct node_identity {
  std::string name;
  std::uint64_t incarnation = 0; ///< not 0
  std::uint64_t link = 0;        ///< random, of this bus
  std::vector<std::string> roles;
  std::vector<bus_service> services;
};

struct node_bounds {
  std::size_t calls = 1u << 16; ///< asked and not answered
  std::chrono::milliseconds heartbeat = limits::heartbeat;
  std::chrono::milliseconds silence = 3 * limits::heartbeat; ///< then the broker is dead
  std::chrono::milliseconds greeting{2000}; ///< from HELLO to WELCOME, and from REGISTER on
  std::chrono::milliseconds grace{
      100}; ///< the broker answers at the deadline; past this the node does
};

// What happens to a node. The first two come from the transport.
struct link_up {};
struct link_down {};
struct broker_frame {
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
struct give_back {
  call_id cid;
};
struct stop_asked {};
using node_input =
    std::variant<link_up, link_down, broker_frame, time_passed, bus_request, bus_window, bus_cancel,
                 send_partial, send_final, send_failure, give_back, drain_started, stop_asked>;

// What it answers.
struct frame_to_broker {
  envelope header;
  std::string body;
};
struct link_changed {
  bool up = false;
};
struct relink {
  std::string why;
}; ///< this connection is of no use: make another
using node_output = std::variant<frame_to_broker, bus_answer, bus_work, link_changed, relink>;

class node_state {
public:
  explicit node_state(node_identity who, node_bounds bounds = {});

  /// Appends to `out`, in order. `now` never runs back.
  void step(instant now, node_input in, std::vector<node_output>& out);
  /// When `time_passed` is due at the latest.
  [[nodiscard]] instant due() const;

  [[nodiscard]] bool is_linked() const noexcept { return is_linked_; }
  [[nodiscard]] bool is_broker_leaving() const noexcept { return is_broker_leaving_; }
  [[nodiscard]] std::size_t asked() const noexcept { return asked_.size(); }
  [[nodiscard]] std::size_t served() const noexcept { return served_.size(); }
  /// Frames and calls for which nobody here waits (any more).
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

private:
  enum class phase : std::uint8_t { down, greeting, welcomed };
  struct asked_call {
    instant deadline; ///< with the grace
    bool is_idempotent = false;
    std::uint64_t seen = 0; ///< the last partial
  };
  struct served_call {
    std::uint8_t hop = 0;   ///< those behind it
    std::uint64_t sent = 0; ///< the last partial
  };

  void on(link_up&);
  void on(link_down&);
  void on(broker_frame& in);
  void on(time_passed&);
  void on(bus_request& in);
  void on(bus_window& in);
  void on(bus_cancel& in);
  void on(send_partial& in);
  void on(send_final& in);
  void on(send_failure& in);
  void on(give_back& in);
  void on(drain_started&);
  void on(stop_asked&);

  void greet();
  void welcomed();
  void registered();
  void take_work(broker_frame& in);
  void take_answer(broker_frame& in);
  void take_partial(broker_frame& in);
  void give_up(const call_id& cid);
  void take_signal(broker_frame& in);
  void lose_link(std::string_view why);
  void want_other_link(std::string why);
  void ask(bus_request& in);
  void hand_on(bus_request& in);
  void answer_failure(const call_id& cid, errc code, std::string message, started_state started);
  [[nodiscard]] bool is_registering() const;
  void set_linked(bool up);
  bool end_asked(const call_id& cid);
  void expire();
  void beat();
  void send(frame type, const call_id& cid, std::string body = {}, std::string svc = {});
  void send_error(frame type, const call_id& cid, const error& why);
  [[nodiscard]] call_id next_mid();
  [[nodiscard]] envelope header_of(bus_request& in) const;

  const node_identity who_;
  const node_bounds bounds_;
  phase phase_ = phase::down;
  bool is_linked_ = false, is_draining_ = false, is_broker_leaving_ = false;
  std::size_t registered_ = 0;
  std::uint64_t sent_ = 0, answered_ = 0, dropped_ = 0;
  instant now_{}, heard_{}, next_beat_{};
  instant asked_at_{}; ///< when HELLO or the REGISTERs went out
  std::unordered_map<call_id, asked_call> asked_;
  std::set<std::pair<instant, call_id>> deadlines_; ///< of what is asked
  std::unordered_map<call_id, served_call> served_;
  std::vector<node_output>* out_ = nullptr; ///< of the step that runs
};

} // namespace troupe::wire
