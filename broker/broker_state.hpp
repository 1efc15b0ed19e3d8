#pragma once

#include "broker/access.hpp"
#include "broker/call_queue.hpp"
#include "broker/envelope.hpp"
#include "broker/frame_bodies.hpp"
#include "broker/frame_body.hpp"
#include "broker/replay_window.hpp"
#include "broker/tap_list.hpp"
#include "broker/worker_pool.hpp"
#include "messages/topology.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

/// The broker without sockets, threads or a clock: `step` takes what happened and says what to
/// send. Everything that it knows is soft: a broker that starts anew learns it from its peers.
namespace troupe::wire {

struct broker_bounds {
  queue_bounds queue{};                     ///< of a service, waiting for a slot
  std::size_t kept_body_bytes = 256u << 10; ///< larger bodies are not kept for a second attempt
  std::size_t calls = 1u << 18;             ///< in flight in all
  std::size_t peers = 4096;
  std::size_t services = 256;        ///< names that may be registered
  std::uint32_t capacity = 1u << 16; ///< of one worker
  int attempts = 3;
  std::chrono::milliseconds heartbeat = limits::heartbeat;
  std::chrono::milliseconds silence = 3 * limits::heartbeat; ///< then a peer is dead
  /// A node that says so of itself hangs: it gets no new work until it goes on.
  std::chrono::milliseconds stuck{5000};
  /// A call whose worker or requester is gone waits for it to come back, over a new connection or
  /// through another broker.
  std::chrono::milliseconds homecoming{300};
  /// Requests for a service whose last node has said that it leaves wait so long for one that
  /// follows: whoever restarts it in order loses none. Of one that just dies nothing of the kind is
  /// expected.
  std::chrono::milliseconds succession{5000};
  /// A worker that spoke of a call so long ago at most begins what it gets without asking.
  std::chrono::milliseconds freshness{2};
  /// A requester that has not had a part of the answer by then is told who works on it.
  std::chrono::milliseconds introduction{10};
  std::chrono::milliseconds ttl = std::chrono::hours(1); ///< for requests without a deadline
};

// What happens to a broker.
struct frame_received {
  peer_id from;
  envelope header;
  body_ptr body;
  std::string_view key = {}; ///< the public key of the connection; empty: it is not encrypted
};
struct peer_gone { ///< a send found no connection
  peer_id peer;
  bool is_full = false; ///< or one that takes no more
};
struct link_dropped {}; ///< some connection ended; which one is not known
struct time_passed {};
struct drain_started {};
struct broker_stopping {};
struct access_changed { ///< who may do what from now on; until the first one everybody may all
  std::shared_ptr<const access_table> table; ///< not null
};
using broker_input = std::variant<frame_received, peer_gone, link_dropped, time_passed,
                                  drain_started, broker_stopping, access_changed>;

/// What it answers: one message to one peer.
struct frame_to_send {
  peer_id to;
  envelope header;
  body_ptr body;
};

/// Messages that nobody took, by reason, and other counts; they only rise.
struct broker_counts {
  std::uint64_t requests = 0;     ///< calls that began
  std::uint64_t unknown_peer = 0; ///< not welcomed (yet, or any more)
  std::uint64_t unknown_call = 0; ///< a frame for a call that has ended or never was
  std::uint64_t not_yours = 0;    ///< a frame for a call by a peer that has no part in it
  std::uint64_t malformed = 0;
  std::uint64_t repeated = 0;      ///< a message that its link has brought before
  std::uint64_t stale = 0;         ///< or may have: its number is too old
  std::uint64_t undeliverable = 0; ///< answers whose requester is gone: dead letters
  std::uint64_t peers_lost = 0;    ///< gone without a goodbye
  std::uint64_t resent = 0;        ///< requests handed to a second worker
  std::uint64_t left = 0;          ///< calls that went on through another broker
  std::uint64_t stuck = 0;         ///< nodes that hung, and lived
  std::uint64_t barred = 0;        ///< frames of connections whose key is not allowed (any more)
  std::uint64_t forbidden = 0;     ///< acts that a principal may not
  std::uint64_t unsent_gone = 0;   ///< a message whose connection was gone
  std::uint64_t unsent_full = 0;   ///< a message whose connection took no more
  // Requests that were shed, by the error that their requester got.
  std::uint64_t overloaded = 0;   ///< no room here or at the only node, or others needed it more
  std::uint64_t rate_limited = 0; ///< too many of the same caller wait
  std::uint64_t deadline_exceeded = 0; ///< it passed while they waited for a worker
};

enum class broker_right : std::uint8_t { serve, call };

class broker_state {
public:
  /// `incarnation` names this broker in the ids of its own messages; not 0.
  explicit broker_state(std::uint64_t incarnation, broker_bounds bounds = {});

  /// What it says of itself to people: its process's roles, and where it listens.
  void introduce(std::string name, std::string address);

  /// Appends to `out`, in the order in which to send. `now` never runs back.
  void step(instant now, broker_input in, std::vector<frame_to_send>& out);

  /// When `time_passed` is due at the latest.
  [[nodiscard]] instant due() const;

  /// A message whose header could not be read never gets as far as a step.
  void count_malformed() noexcept { ++counts_.malformed; }

  // How it stood at the last step (broker_view.cpp).
  [[nodiscard]] broker_report view() const;
  [[nodiscard]] broker_view own_view() const;
  [[nodiscard]] std::vector<service_load> service_loads() const; ///< by name

  [[nodiscard]] const broker_counts& counts() const noexcept { return counts_; }
  [[nodiscard]] std::size_t in_flight() const noexcept { return calls_.size(); }
  [[nodiscard]] std::size_t queued() const noexcept { return queued_; }
  [[nodiscard]] std::size_t peers() const noexcept { return peers_.size(); }
  /// Calls of which a part of the answer has passed.
  [[nodiscard]] std::size_t streams() const noexcept { return streams_; }
  [[nodiscard]] bool is_draining() const noexcept { return is_draining_; }
  /// Peers that said DRAIN and are still here: they finish what they began.
  [[nodiscard]] std::size_t draining_peers() const noexcept;

private:
  struct peer {
    peer_id id;
    std::string key;                   ///< of the connection
    const access_rule* rule = nullptr; ///< of the key, in the table in force; null without one
    hello_body who;
    bool is_router = false;  ///< may say who the caller is
    bool is_service = false; ///< may name the service it wants; others reach the routers only
    bool is_draining = false;
    instant seen{};
    instant spoke_of_calls{};         ///< of which its heart and its link know nothing: it works
    used_numbers numbers;             ///< of its messages
    std::uint64_t stuck_ms = 0;       ///< as its last heartbeat said
    std::vector<std::string> brokers; ///< that it is linked to
  };
  struct service {
    std::string name;
    call_queue queue;
    worker_pool workers{};
    std::uint64_t requests = 0; ///< that came for it, delegated ones too
    instant awaited{};          ///< until when a successor of its last node may come
    std::map<std::string, bool, std::less<>> methods{}; ///< whether it is idempotent; as registered
  };
  struct call {
    call_id cid;
    peer_id requester;    ///< empty: gone, and the worker holds a slot
    peer_id worker;       ///< empty: queued, or gone
    peer_id delegated_by; ///< may still pass on the requester's CANCEL and WINDOW
    service* target = nullptr;
    envelope request;
    body_ptr body; ///< while queued, and while another attempt is possible
    std::size_t body_size = 0;
    instant deadline{};
    instant due{}; ///< when to look at it: the deadline, or what comes before
    /// How many workers of its service were given it, those of other brokers before it included.
    int attempts = 0, attempts_before = 0;
    bool is_queued = false, has_partial = false, is_cancelled = false;
    bool is_repeatable = false;  ///< it may be handed to another worker whatever the first did
    bool needs_start = false;    ///< at most one worker may begin it
    bool is_harmless = false;    ///< its worker is a router, which begins nothing
    bool is_held = false;        ///< its worker begins when this broker says so
    bool asks_start = false;     ///< and waits for that
    bool may_have_begun = false; ///< a worker may that was not held, or was told START
    bool was_lost = false;       ///< by a worker that may go on with it
    bool is_called_off = false;  ///< the worker was told that nobody waits
    /// Who was told START, while the requester has not heard so; 0: it has, or need not.
    std::uint64_t untold = 0;
    bool is_introduced = false; ///< it has heard of one
  };
  using outputs = std::vector<frame_to_send>;

  // Peers (broker_state.cpp).
  void on(frame_received& in);
  void on(const peer_gone& in);
  void on(const link_dropped&);
  void on(const time_passed&);
  void on(const drain_started&);
  void on(const broker_stopping&);
  void welcome(const frame_received& in);
  void register_service(peer& from, const envelope& header, const body_ptr& body);
  [[nodiscard]] static std::optional<error> declare(service& s,
                                                    const std::vector<bus_method>& methods);
  void drain_peer(peer& from);
  void lose_peer(const peer_id& id);
  void remove_peer(const peer_id& id, bool may_come_back);
  void forgive_silence();
  void hear_beat(peer& from, const body_ptr& body);
  void hear_stuck(const peer& from, bool is_stuck);
  [[nodiscard]] std::vector<std::string> brokers() const;
  void beat();
  void dispatch_frame(peer& from, frame_received& in);

  // What was said before (broker_replays.cpp).
  [[nodiscard]] bool is_fresh(peer& from, const envelope& header);
  void take_stale(peer& from, const envelope& header);

  // Who may do what (broker_access.cpp).
  void on(access_changed& in);
  void take_rights(peer& p, const access_rule* rule);
  void cut_off(const peer_id& id);
  void audit(const std::string& key, std::string_view node, std::string_view what,
             std::string_view name);
  [[nodiscard]] const access_rule* rule_of(std::string_view key) const;
  [[nodiscard]] bool is_barred(std::string_view key);
  [[nodiscard]] bool is_impostor(std::string_view key, const hello_body& who);
  [[nodiscard]] std::optional<error> forbidden(const peer& from, broker_right what,
                                               std::string_view name);

  // What it shows (broker_view.cpp).
  [[nodiscard]] node_view view_of(const peer& p) const;
  void take_stats(peer& from, const envelope& header);

  // Who looks on (broker_taps.cpp).
  void step_before_others(broker_input& in);
  void take_tap(peer& from, const frame_received& in);
  [[nodiscard]] std::string service_of_call(const envelope& header) const;
  void show_received(const frame_received& in, const std::string& called);
  void show_sent(std::size_t first, const call_id& about, const std::string& called);
  void show(const passing_frame& what);

  // Who begins (broker_start.cpp).
  void take_start_request(peer& from, frame_received& in);
  void say_start(call& c);
  [[nodiscard]] bool must_ask(const call& c) const;
  void has_begun(call& c);
  void introduce_worker(call& c);
  void introduce_workers();
  void forget_introduced();

  // Calls (broker_calls.cpp).
  void take_request(peer& from, frame_received& in);
  void take_delegated(peer& from, frame_received& in);
  void begin(call& c, service& target);
  [[nodiscard]] static std::optional<error> classify(call& c);
  void place(call& c, const peer_id& except = {});
  void place_at_its_node(call& c);
  void hand_over(call& c, const peer_id& to);
  void enqueue(call& c);
  void shed(call& c, std::string why);
  [[nodiscard]] std::string caller_of(const call& c) const;
  void taken_out(call& c) noexcept;
  void pump(service& s);
  void take_partial(peer& from, frame_received& in);
  void take_end(peer& from, frame_received& in);
  void take_reject(peer& from, frame_received& in);
  void take_credit(peer& from, frame_received& in);
  void take_accept(peer& from, frame_received& in);
  void take_move(peer& from, frame_received& in);
  void change_service(call& c, service& target);
  void take_signal(peer& from, frame_received& in);
  void pass_to_worker(peer& from, frame_received& in);
  void worker_lost(call& c, bool may_come_back);
  void requester_lost(call& c, bool may_come_back);
  void call_off(call& c);
  void worker_stays_away(call& c);
  [[nodiscard]] bool is_open(const service& s, const peer_id& except = {}) const;
  [[nodiscard]] bool may_be_given(const call& c) const;
  [[nodiscard]] bool may_repeat(const call& c) const;
  void repeat(call& c, const peer_id& except);
  void expire(call& c);
  [[nodiscard]] call* adopt(const envelope& header, service& target);
  void take_repeated(call& c, const peer& from);
  void attach(call& c, const peer& who, service& target);
  bool requester_back(call& c, const peer& from);
  void look_at(call& c, instant when);
  [[nodiscard]] peer* peer_with(std::uint64_t incarnation);
  void expire_calls();
  void fail_queue_if_closed(service& s);
  void answer_error(call& c, error why);
  [[nodiscard]] static started_state started_of(const call& c);
  void forget(call& c);
  void free_slot(call& c);
  void leave_queue(call& c);
  [[nodiscard]] call* call_of(const envelope& header);
  [[nodiscard]] call* call_worked_by(const peer& from, const envelope& header);
  [[nodiscard]] service& service_named(std::string_view name);

  void send(const peer_id& to, frame type, const call_id& cid, body_ptr body = {},
            std::string svc = {});
  void send_error(const peer_id& to, const call_id& cid, error why);

  const std::uint64_t incarnation_;
  const broker_bounds bounds_;
  std::uint64_t sent_ = 0; ///< the counter of own message ids
  instant now_{}, next_beat_{};
  bool is_draining_ = false, is_beat_due_ = false;
  outputs* out_ = nullptr; ///< of the step that runs
  std::unordered_map<peer_id, peer> peers_;
  std::unordered_map<std::uint64_t, peer_id> by_incarnation_;
  std::map<std::string, service, std::less<>> services_; ///< addresses stay: calls point at them
  std::unordered_map<call_id, call> calls_;
  std::set<std::pair<instant, call_id>> deadlines_; ///< call::due
  std::deque<std::pair<instant, call_id>> untold_;  ///< until when call::untold may wait
  std::size_t queued_ = 0, streams_ = 0;
  broker_counts counts_;
  tap_list taps_;
  std::string name_, address_;
  instant began_{};
  body_ptr view_body_; ///< the last one, for a while
  instant viewed_{};
  std::shared_ptr<const access_table> access_; ///< null: everybody may all
  /// By key: what of it is in the log. Bounded, as the table is.
  std::map<std::string, std::set<std::string>> audited_;
};

} // namespace troupe::wire
