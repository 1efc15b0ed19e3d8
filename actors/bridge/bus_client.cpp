#include "actors/bridge/bus_client.hpp"

#include "messages/base/limits.hpp"
#include "messages/base/log.hpp"
#include "messages/codec/msgpack.hpp"
#include "messages/stream_id.hpp"

#include <unordered_map>

namespace troupe {
namespace {

struct client_deps {
  std::shared_ptr<bus> link;
  bus_target target;
};

/// A request that waits for its answer from the bus. Lives inside the bridge actor.
struct pending_call {
  virtual ~pending_call() = default;
  /// False: it cannot be read, and without it the rest is not what the worker said.
  [[nodiscard]] virtual bool partial(const call_id& cid, std::uint64_t seq,
                                     const std::string& body) = 0;
  virtual void finish(const std::string& body) = 0;
  virtual void fail(error why) = 0;
};

template <class Request, class... Those>
constexpr bool is_any_of = (std::is_same_v<Request, Those> || ...);

template <class Request>
struct pending_answer final : pending_call {
  answer<reply_of<Request>> a;
  stream_consumer consumer;

  bool partial(const call_id& cid, std::uint64_t seq, const std::string& body) override {
    if constexpr (method_traits<Request>::streamed) {
      auto delta = msgpack_codec::decode<delta_of<Request>>(body);
      if (!delta) {
        log::warn("bridge.bad_partial", {{"why", delta.error().message}});
        return false;
      }
      post_to(consumer, stream_item<delta_of<Request>>{cid, seq, std::move(*delta)});
    } else {
      (void)cid, (void)seq, (void)body;
    }
    return true;
  }
  void finish(const std::string& body) override {
    auto decoded = msgpack_codec::decode<reply_of<Request>>(body);
    if (!decoded)
      decoded = std::unexpected(make_error(errc::internal, "a peer's answer could not be read"));
    a(std::move(decoded));
  }
  /// A stream is gone with the node that ran it; anything else may find another one.
  void fail(error why) override {
    constexpr bool is_of_stream = is_any_of<Request, resume_chat_request, stop_chat_request>;
    if (is_of_stream && why.reason == node_not_linked)
      why = make_error(errc::not_found, "the node that had it is gone");
    a.fail(std::move(why));
  }
};

/// Control: what others wait for in turn, and what ends work. Batch: what nobody watches.
template <class Request>
constexpr std::uint8_t priority_of =
    is_any_of<Request, ping_request, authenticate_request, reserve_request, settle_request,
              renew_request, shard_reserve_request, shard_settle_request, shard_renew_request,
              stop_chat_request, topology_request>
        ? 0
    : is_any_of<Request, chat_request, resume_chat_request, search_request> ? 1
    : is_any_of<Request, append_logs_request, import_users_request, create_file_request,
                purge_documents_request, purge_conversations_request, purge_logs_request>
        ? 3
        : 2;

/// Which node alone can answer; 0: any.
template <class Request>
std::uint64_t node_for(const Request& request) {
  if constexpr (std::is_same_v<Request, resume_chat_request>)
    return node_of_stream(request.stream).value_or(0);
  else if constexpr (std::is_same_v<Request, stop_chat_request>)
    return node_of_stream(request.id).value_or(0);
  else
    return 0;
}

template <class Request>
std::string method_of(bus_target target, const Request& request) {
  std::string name(target == bus_target::router ? router_prefix : std::string_view());
  if constexpr (std::is_same_v<Request, ping_request>) {
    if (target == bus_target::service) name = request.service + '.';
  } else {
    (void)request;
  }
  return name.append(method_traits<Request>::wire_name);
}

class client_impl final : public service_base<any_service> {
public:
  static inline const char* actor_name = "bus_client";

  client_impl(pointer self, slot_registry& slots, client_deps deps)
      : service_base(self, slots), d_(std::move(deps)) {}

  template <class Request>
  void on(call<Request>& c, answer<reply_of<Request>> a) {
    const bool delegated = c.op.cid.incarnation != own_incarnation();
    d_.link->request(packed(c, delegated));
    if (delegated) return a.fail(make_error(errc::delegated, {}));
    auto entry = std::make_unique<pending_answer<Request>>();
    entry->a = std::move(a);
    entry->consumer = c.consumer;
    pending_.emplace(c.op.cid, std::move(entry));
  }

  void on(stream_signal& s) override {
    if (s.cancel) return d_.link->cancel(s.cid);
    d_.link->window(s.cid, s.acked_seq, s.frames, s.bytes);
  }
  void on(stream_item<chat_delta>&) override {}
  void on(stream_item<file_chunk>&) override {}

  void take(const bus_partial& p) {
    const auto at = pending_.find(p.cid);
    if (at == pending_.end() || at->second->partial(p.cid, p.seq, p.body)) return;
    d_.link->cancel(p.cid);
    auto why = make_error(errc::upstream_failed, "a part of a peer's answer could not be read");
    why.started = started_state::yes;
    remove(p.cid)->fail(std::move(why));
  }
  void take(const bus_finished& f) {
    if (auto p = remove(f.cid)) p->finish(f.body);
  }
  void take(const bus_failed& f) {
    if (auto p = remove(f.cid)) p->fail(f.why);
  }

private:
  template <class Request>
  [[nodiscard]] static bool wants_stream(const Request&) {
    return method_traits<Request>::streamed;
  }
  [[nodiscard]] static bool wants_stream(const chat_request& body) { return body.stream; }

  template <class Request>
  [[nodiscard]] bus_request packed(call<Request>& c, bool delegated) const {
    bus_request out;
    out.method = method_of(d_.target, c.body);
    out.cid = c.op.cid;
    out.delegated = delegated;
    out.idempotent = method_traits<Request>::delivered == delivery::idempotent;
    out.streamed = wants_stream(c.body);
    out.deadline = c.op.deadline;
    if (d_.target == bus_target::router) out.credential = c.op.credential;
    if (!c.op.who.user.empty()) out.caller = msgpack_codec::encode(c.op.who);
    if (d_.target == bus_target::service) out.to = c.op.to != 0 ? c.op.to : node_for(c.body);
    out.priority = priority_of<Request>;
    out.request_id = c.op.request_id;
    out.traceparent = c.op.traceparent;
    out.client_address = c.op.client_address;
    out.body = msgpack_codec::encode(c.body);
    return out;
  }

  [[nodiscard]] std::unique_ptr<pending_call> remove(const call_id& cid) {
    const auto at = pending_.find(cid);
    if (at == pending_.end()) return nullptr;
    auto entry = std::move(at->second);
    pending_.erase(at);
    return entry;
  }

  client_deps d_;
  std::unordered_map<call_id, std::unique_ptr<pending_call>> pending_;
};

using client_state = detail::service_state<client_impl>;

} // namespace

bus_client spawn_bus_client(caf::actor_system& system, std::shared_ptr<bus> link,
                            bus_target target) {
  bus_client made;
  made.actor =
      spawn_service<any_service, client_impl>(system, client_deps{std::move(link), target});
  auto* self = static_cast<caf::stateful_actor<client_state, any_service::actor::base>*>(
      caf::actor_cast<caf::abstract_actor*>(made.actor));
  made.answers = [actor = made.actor, self](const bus_answer& in) {
    const auto* whole = std::get_if<bus_finished>(&in);
    const bool is_heavy = whole != nullptr && whole->body.size() > limits::light_body_bytes;
    auto task = make_task([self, in]() mutable {
      if (self->state.impl) std::visit([&](auto& one) { self->state.impl->take(one); }, in);
    });
    is_heavy ? post_to(actor, std::move(task)) : run_here(actor, std::move(task));
  };
  return made;
}

} // namespace troupe
