#pragma once

#include "messages/base/error.hpp"
#include "messages/base/ids.hpp"
#include "messages/base/op_context.hpp"
#include "messages/base/reply.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The port to the backbone: what actors/bridge needs of it. Bodies are opaque bytes; the delivery
/// guarantee is that of the method's class (docs/wire-protocol.md): a `once` request is handed to
/// at most one worker, an `idempotent` one may be handed to another when its worker is lost, and
/// every request is answered by `finished` or `failed`, at the latest at its deadline.
namespace troupe {

/// What comes before the name of a method that a router is asked for.
inline constexpr std::string_view router_prefix = "router.";

/// The reason of an error `unavailable`: the one node that can answer is linked to none of the
/// brokers that were asked.
inline constexpr std::string_view node_not_linked = "node_not_linked";

/// A request on its way out. A delegated one keeps the conversation id of the request that this
/// node serves, and its answers go straight to that requester, not to this node.
struct bus_request {
  std::string method; ///< `prompt.chat/v1`: service, dot, name, slash, version
  call_id cid;
  bool delegated = false;
  bool idempotent = false;
  bool streamed = false;
  std::chrono::steady_clock::time_point deadline;
  std::uint8_t priority = 2; ///< 0 control, 1 interactive, 2 normal, 3 batch: while it has to wait
  std::uint64_t to = 0;      ///< the incarnation of the one node that can answer; 0: any. To a
                             ///< worker: its own, if the requester chose it
  std::string credential;    ///< for the router; never sent on by it
  std::string caller;        ///< packed `caller`; brokers keep it only from routers
  std::string request_id;
  std::string traceparent;
  std::string client_address; ///< of the client at the edge; may be empty
  std::string body;
};

/// What comes back to a requester. Ordered per call: partials with rising seq from 1 without gap,
/// then one end.
struct bus_partial {
  call_id cid;
  std::uint64_t seq = 0;
  std::string body;
};
struct bus_finished {
  call_id cid;
  std::string body;
};
struct bus_failed {
  call_id cid;
  error why;
};
using bus_answer = std::variant<bus_partial, bus_finished, bus_failed>;

/// What comes to a worker.
struct bus_window { ///< the requester drained: `frames` and `bytes` more may be sent
  call_id cid;
  std::uint64_t acked_seq = 0;
  std::uint32_t frames = 0;
  std::uint32_t bytes = 0;
};
struct bus_cancel { ///< nobody wants the rest; comes at most a few times, also for unknown calls
  call_id cid;
};
using bus_work = std::variant<bus_request, bus_window, bus_cancel>;

inline constexpr std::size_t bus_methods_max = 512; ///< of a service

/// A method and its delivery class: one that is not idempotent begins at most once.
struct bus_method {
  std::string name; ///< as requests have it: `prompt.chat/v1`
  bool is_idempotent = false;
};

/// A service that this node serves.
struct bus_service {
  std::string name;             ///< `prompt`
  std::uint32_t capacity = 256; ///< requests at once; the broker holds back what is more
  /// All that it knows, at most bus_methods_max; the broker refuses requests for others, and a
  /// node that declares the class of one otherwise than those before it. Empty: whatever comes, and
  /// it begins as soon as it is there.
  std::vector<bus_method> methods{};
};

/// Callbacks come on the bus's loop. They may work there for a moment, and call the bus; stop()
/// must not be called there.
struct bus_handlers {
  std::function<void(bus_answer)> answer;
  std::function<void(bus_work)> work;
  /// The link to the brokers came up (registered) or went away.
  std::function<void(bool up)> link;
};

/// What a broker said of itself when it was asked how it stands.
struct bus_stats {
  std::string broker;       ///< its address
  std::string body{};       ///< a packed `broker_report`; empty when it did not answer
  std::optional<error> why; ///< then
};

/// All calls are thread-safe and return at once; what cannot be sent is answered by `failed`.
class bus {
public:
  virtual ~bus() = default;

  /// As requester.
  virtual void request(bus_request request) = 0;
  /// As requester of this call: more credit, from the real drain of the client's socket.
  virtual void window(call_id cid, std::uint64_t acked_seq, std::uint32_t frames,
                      std::uint32_t bytes) = 0;
  /// As requester: stop. Also sent on by a worker that delegated the call.
  virtual void cancel(call_id cid) = 0;

  /// Asks every broker how it stands. Answered after `patience` at the latest, with one entry for
  /// each broker that this node knows of; on any thread.
  virtual void stats(std::chrono::milliseconds patience, reply<std::vector<bus_stats>> answer) = 0;

  /// As worker of this call. `seq` rises from 1; keeping to the credit is the caller's duty.
  virtual void partial(call_id cid, std::uint64_t seq, std::string body) = 0;
  virtual void finish(call_id cid, std::string body) = 0;
  virtual void fail(call_id cid, error why) = 0;

  /// Takes no new work; what runs goes on.
  virtual void drain() = 0;
  /// Says goodbye; no callback comes after it. Unanswered requests fail: `unavailable` when they
  /// are idempotent, else `worker_lost`.
  virtual void stop() = 0;
  /// The broker said that it is going; it still carries what peers that drain have to finish.
  [[nodiscard]] virtual bool broker_leaving() const noexcept = 0;
  /// Linked to a broker that welcomed this node and registered its services.
  [[nodiscard]] virtual bool linked() const noexcept = 0;
};

} // namespace troupe
