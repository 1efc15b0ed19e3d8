#pragma once

#include "broker/node_links.hpp"
#include "broker/recent_calls.hpp"
#include "broker/search_list.hpp"

#include <deque>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <unordered_map>

namespace troupe::wire {

/// The worker's half of a node: what it serves, and what it said that may not have arrived. When
/// the broker of a call is gone, the call moves to another one: ACCEPT there, then all that its
/// requester has not acknowledged, then what follows. See docs/wire-protocol.md, "Losses".
class served_calls {
public:
  served_calls(const node_bounds& bounds, node_links& links, outbox& out)
      : bounds_(bounds), links_(links), out_(out) {}

  void take_request(instant now, broker_frame& in);
  void take_start(broker_frame& in);
  /// WINDOW, CANCEL, or the REJECT of an ACCEPT.
  void take_signal(instant now, broker_frame& in);
  void hand_on(instant now, bus_request& in);
  void partial(send_partial& in);
  void final(instant now, send_final& in);
  void failure(instant now, send_failure& in);
  void drain() noexcept { is_draining_ = true; }

  void link_lost(instant now, link_id link);
  void link_leaving(instant now, link_id link);
  void link_found(instant now);
  void expire(instant now);
  /// Nobody will hear the answers.
  void cancel_all();

  [[nodiscard]] instant due() const;
  [[nodiscard]] std::size_t size() const noexcept { return running_; }
  [[nodiscard]] std::uint64_t answered() const noexcept { return answered_; }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

private:
  struct kept_partial {
    std::uint64_t seq = 0;
    std::string body;
  };
  struct kept_end {
    frame type = frame::final;
    std::pmr::string body; ///< from pool_
  };
  struct call {
    call_id cid;
    std::string method;
    instant deadline = instant::max();
    link_id home = 0; ///< 0: lost
    link_id tried = 0;
    std::uint8_t hop = 0;                ///< those behind it
    std::uint64_t sent = 0;              ///< the last partial
    std::uint64_t moves = 0;             ///< from broker to broker
    std::uint64_t frames = 0, bytes = 0; ///< granted so far
    bool is_idempotent = false;
    bool is_repeatable = false;     ///< its requester asks again when nothing was said yet
    bool is_torn = false;           ///< something that was said could not be kept
    bool is_given_up = false;       ///< its work was told to end
    std::size_t size = 0;           ///< of the request
    std::vector<kept_partial> kept; ///< not acknowledged: a stream's window at most
    std::size_t kept_bytes = 0;
    std::unique_ptr<bus_request> held; ///< it has not begun: it may when START comes
    std::optional<kept_end> end;       ///< FINAL or ERROR: nothing runs any more
    instant next_try{};
    std::optional<instant> until; ///< of what searches: then it is given up
    /// Who does not know its requester any more, once one has said so by itself; else empty.
    std::vector<link_id> denied;
  };

  [[nodiscard]] call* find(const call_id& cid);
  [[nodiscard]] call* find_running(const call_id& cid);
  [[nodiscard]] static bool has_begun(const call& c);
  void take_again(instant now, call& c, link_id over);
  void ask_start(const call& c);
  void drop_unbegun(call& c);
  void move(instant now, call& c, link_id over);
  void leave(link_id home, const call_id& cid);
  void confirm(call& c);
  void begin_search(instant now, call& c);
  void await_search(instant now, call& c);
  void search(instant now, call& c);
  void give_up(call& c);
  void take_window(instant now, call& c, const broker_frame& in);
  void take_cancel(instant now, call& c, const broker_frame& in);
  [[nodiscard]] bool look_elsewhere(instant now, call& c);
  [[nodiscard]] bool is_denied_by_all(call& c, link_id over);
  void keep(call& c, std::uint64_t seq, const std::string& body);
  void acknowledge(call& c, std::uint64_t seq);
  void end(instant now, call& c, frame type, std::string body);
  void stop_counting(const call& c);
  void reject(const broker_frame& in, errc code, std::string why);
  void refuse_second(const broker_frame& in);
  void forget(call& c);
  void forget_old_ends(instant now);
  void forget_oldest_end();
  void say(const call& c, frame type, std::uint64_t seq, std::string body);

  const node_bounds& bounds_;
  node_links& links_;
  outbox& out_;
  bool is_draining_ = false;
  /// What has ended stays for seconds: between it, the heap of what lives for a moment would fray.
  std::pmr::unsynchronized_pool_resource pool_;
  std::pmr::unordered_map<call_id, call> calls_{&pool_};
  recent_calls begun_{bounds_.begun}; ///< what begins once and has, here and nowhere else
  std::deque<std::pair<instant, call_id>> ends_; ///< what has ended, oldest first
  search_list searching_{bounds_.search_every};
  std::size_t running_ = 0;         ///< calls
  std::size_t work_ = 0, kept_ = 0; ///< bytes of their requests; of answers
  std::uint64_t answered_ = 0, dropped_ = 0;
};

} // namespace troupe::wire
