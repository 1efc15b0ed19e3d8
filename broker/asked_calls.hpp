#pragma once

#include "broker/node_links.hpp"
#include "broker/retry_budget.hpp"
#include "broker/search_list.hpp"

#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

namespace troupe::wire {

/// The requester's half of a node: what it asked, which broker its answers come through and which
/// worker they come from. A call whose broker is gone looks for its worker through the others, or
/// is asked once more when it may be; see docs/wire-protocol.md, "Losses".
class asked_calls {
public:
  asked_calls(const node_bounds& bounds, node_links& links, outbox& out)
      : bounds_(bounds), links_(links), out_(out) {}

  void ask(instant now, bus_request& in);
  /// Credit for the worker; of a call that is not known here, nothing.
  void grant(const bus_window& in);
  void cancel(const call_id& cid);
  /// PARTIAL, FINAL, ERROR or ACCEPT.
  void take(instant now, broker_frame& in);

  void link_lost(instant now, link_id link);
  /// Another broker takes frames.
  void link_found(instant now);
  void expire(instant now);
  void fail_all(std::string_view why);

  [[nodiscard]] instant due() const;
  [[nodiscard]] std::size_t size() const noexcept { return calls_.size(); }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

private:
  struct call {
    call_id cid;
    std::string method;
    instant deadline; ///< with the grace
    instant heard;    ///< something of it, or asked
    link_id home = 0; ///< where the answers come through; 0: not known any more
    link_id tried = 0;
    std::uint64_t worker = 0;            ///< its incarnation; 0: not known yet
    std::uint64_t seen = 0;              ///< the last partial
    std::uint64_t moves = 0;             ///< of the worker from broker to broker, as it counts them
    std::uint64_t frames = 0, bytes = 0; ///< granted so far
    std::uint64_t told_frames = 0, told_bytes = 0; ///< of these the worker was told
    int attempts = 1, searches = 0;
    bool is_idempotent = false, is_cancelled = false;
    bool is_accepted = false;               ///< the worker was told to begin: it is the only one
    bool may_have_begun = false;            ///< with it, or with a broker that is gone
    std::vector<link_id> denied;            ///< brokers that do not know its worker (any more)
    std::optional<instant> give_up;         ///< of what searches
    std::unique_ptr<frame_to_broker> again; ///< to ask once more
  };

  void take_accept(call& c, const broker_frame& in);
  void take_begun(call& c, const broker_frame& in);
  [[nodiscard]] bool take_denial(instant now, call& c, const broker_frame& in, const error& why);
  void take_partial(instant now, call& c, broker_frame& in);
  void take_final(instant now, call& c, broker_frame& in);
  void take_error(instant now, call& c, const broker_frame& in);
  void count_attempts(call& c, const envelope& header) const;
  [[nodiscard]] bool may_repeat(const call& c) const noexcept;
  [[nodiscard]] bool is_from_worker(call& c, const broker_frame& in);
  [[nodiscard]] static bool is_move_of(const call& c, const envelope& header);
  void turn_away(const broker_frame& in);
  void settle(call& c, link_id home);
  void home_lost(instant now, call& c);
  void begin_search(instant now, call& c);
  void search(instant now, call& c);
  void look_for_quiet(instant now);
  void found(call& c);
  void lose(call& c);
  void say_window(call& c, link_id over, bool resend);
  [[nodiscard]] link_id way_to(const call& c) const;
  void say_cancel(const call& c, link_id over);
  [[nodiscard]] bool ask_again(instant now, call& c, link_id except);
  void keep(call& c, const envelope& header, const std::string& body);
  void forget_request(call& c);
  void end(call& c);
  void fail(call& c, errc code, std::string message, started_state started);
  [[nodiscard]] call* find(const call_id& cid);

  const node_bounds& bounds_;
  node_links& links_;
  outbox& out_;
  std::unordered_map<call_id, call> calls_;
  std::set<std::pair<instant, call_id>> deadlines_;
  search_list searching_{bounds_.search_every};
  instant next_look_ = instant::max();
  retry_budget budget_;
  std::size_t kept_ = 0; ///< bytes of requests
  std::uint64_t dropped_ = 0;
};

} // namespace troupe::wire
