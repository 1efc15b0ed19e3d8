#include "actors/bridge/bus_server.hpp"

#include "actors/bridge/bus_client.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/msgpack.hpp"
#include "messages/scopes.hpp"

#include <optional>
#include <unordered_map>

namespace troupe {
namespace {

struct server_deps {
  std::shared_ptr<bus> link;
  served_services services;
  std::shared_ptr<std::atomic<std::int64_t>> running;
};

using server_service = service_protocol<>;

/// Requests that a service takes from a peer without a caller: the others must have passed a
/// router.
template <class Request>
constexpr bool needs_no_caller =
    is_public<Request> || std::is_same_v<Request, authenticate_request> ||
    std::is_same_v<Request, reserve_request> || std::is_same_v<Request, settle_request> ||
    std::is_same_v<Request, renew_request> || std::is_same_v<Request, shard_reserve_request> ||
    std::is_same_v<Request, shard_settle_request> || std::is_same_v<Request, shard_renew_request> ||
    std::is_same_v<Request, keep_turn_request> || std::is_same_v<Request, append_logs_request> ||
    std::is_same_v<Request, ping_request> || std::is_same_v<Request, purge_documents_request> ||
    std::is_same_v<Request, purge_conversations_request> ||
    std::is_same_v<Request, purge_logs_request>;

class server_impl final : public service_base<server_service> {
public:
  static inline const char* actor_name = "bus_server";

  server_impl(pointer self, slot_registry& slots, server_deps deps)
      : service_base(self, slots), d_(std::move(deps)) {}

  void take(bus_request& in) {
    std::string_view name = in.method;
    const bool to_router = name.starts_with(router_prefix);
    if (to_router) name.remove_prefix(router_prefix.size());
    if (name.ends_with("ping/v1")) return take_ping(in, to_router, name);
    const auto& table = to_router ? router_table() : service_table();
    const auto at = table.find(name);
    if (at == table.end())
      return d_.link->fail(in.cid, make_error(errc::not_found, "unknown method " + in.method));
    (this->*at->second)(in);
  }

  void take(const bus_window& w) { signal({w.cid, {}, false, w.acked_seq, w.frames, w.bytes}); }
  void take(const bus_cancel& c) { signal({c.cid, {}, true, 0, 0, 0}); }

  void end_running(error why) {
    ending_ = std::move(why);
    for (auto& [cid, pass_on] : signals_) pass_on({cid, {}, true, 0, 0, 0});
  }

  void on(stream_signal&) override {}
  void on(stream_item<chat_delta>& i) override { pass(i); }
  void on(stream_item<file_chunk>& i) override { pass(i); }

private:
  using taker = void (server_impl::*)(bus_request&);
  using method_table = std::unordered_map<std::string_view, taker>;

  static const method_table& router_table() {
    static const method_table table{
#define TROUPE_ROW(service_, name_, request_, delta_, reply_, class_) \
  {method_traits<request_>::wire_name, &server_impl::to_router<request_>},
        TROUPE_PUBLIC_METHODS(TROUPE_ROW)
#undef TROUPE_ROW
    };
    return table;
  }

  static const method_table& service_table() {
    static const method_table table{
#define TROUPE_ROW(service_, name_, request_, delta_, reply_, class_) \
  {method_traits<request_>::wire_name, &server_impl::to_##service_<request_>},
        TROUPE_METHODS(TROUPE_ROW)
#undef TROUPE_ROW
    };
    return table;
  }

  template <class Request>
  void to_router(bus_request& in) {
    dispatch<Request>(d_.services.router, in);
  }
  template <class Request>
  void to_auth(bus_request& in) {
    dispatch<Request>(d_.services.auth, in);
  }
  template <class Request>
  void to_keys(bus_request& in) {
    dispatch<Request>(d_.services.keys, in);
  }
  template <class Request>
  void to_accounts(bus_request& in) {
    dispatch<Request>(d_.services.accounts, in);
  }
  template <class Request>
  void to_limits(bus_request& in) {
    dispatch<Request>(d_.services.limits, in);
  }
  template <class Request>
  void to_prompt(bus_request& in) {
    dispatch<Request>(d_.services.prompt, in);
  }
  template <class Request>
  void to_retrieval(bus_request& in) {
    dispatch<Request>(d_.services.retrieval, in);
  }
  template <class Request>
  void to_log(bus_request& in) {
    dispatch<Request>(d_.services.log, in);
  }

  /// The router's own: not to be had past it.
  template <class Request>
  void to_cluster(bus_request& in) {
    d_.link->fail(in.cid, make_error(errc::not_found, "ask a router for " + in.method));
  }

  void take_ping(bus_request& in, bool to_router, std::string_view name) {
    if (to_router) return dispatch<ping_request>(d_.services.router, in);
    if (name == "auth.ping/v1") return dispatch<ping_request>(d_.services.auth, in);
    if (name == "keys.ping/v1") return dispatch<ping_request>(d_.services.keys, in);
    if (name == "accounts.ping/v1") return dispatch<ping_request>(d_.services.accounts, in);
    if (name == "limits.ping/v1") return dispatch<ping_request>(d_.services.limits, in);
    if (name == "prompt.ping/v1") return dispatch<ping_request>(d_.services.prompt, in);
    if (name == "retrieval.ping/v1") return dispatch<ping_request>(d_.services.retrieval, in);
    if (name == "log.ping/v1") return dispatch<ping_request>(d_.services.log, in);
    d_.link->fail(in.cid, make_error(errc::not_found, "unknown method " + in.method));
  }

  template <class Request, class Handle>
  void dispatch(const Handle& whom, bus_request& in) {
    const auto cid = in.cid;
    if (!whom)
      return d_.link->fail(cid,
                           make_error(errc::unavailable, "not served by this node: " + in.method));
    constexpr bool is_router = std::is_same_v<Handle, router_service::actor>;
    if (!is_router && !needs_no_caller<Request> && in.caller.empty())
      return d_.link->fail(cid,
                           make_error(errc::unauthenticated, "no router vouches for a caller"));
    auto body = msgpack_codec::decode<Request>(in.body);
    if (!body) return d_.link->fail(cid, std::move(body.error()));
    call<Request> c{context_of(in), std::move(*body), {}};
    if constexpr (method_traits<Request>::streamed)
      c.consumer = caf::actor_cast<stream_consumer>(caf::actor_cast<handle>(self_));
    signals_[cid] = [this, whom](stream_signal s) {
      s.service = method_traits<Request>::service;
      self_->send(whom, std::move(s));
    };
    ++*d_.running;
    ask(whom, std::move(c), [this, cid](outcome<reply_of<Request>> out) {
      signals_.erase(cid);
      --*d_.running;
      if (out) return d_.link->finish(cid, msgpack_codec::encode(*out));
      if (out.error().code == errc::delegated) return; // the bus has handed it on
      d_.link->fail(cid, reason_of(std::move(out.error())));
    });
  }

  /// Of what was cut off because the node ends, it says why, and still whether it had begun.
  error reason_of(error failure) const {
    if (!ending_ || failure.code != errc::cancelled) return failure;
    auto why = *ending_;
    why.started = failure.started;
    return why;
  }

  static op_context context_of(bus_request& in) {
    op_context op;
    op.cid = in.cid;
    op.deadline = in.deadline;
    op.to = in.to;
    op.credential = std::move(in.credential);
    op.request_id = std::move(in.request_id);
    op.traceparent = std::move(in.traceparent);
    op.client_address = std::move(in.client_address);
    if (!in.caller.empty())
      if (auto who = msgpack_codec::decode<caller>(in.caller)) op.who = std::move(*who);
    return op;
  }

  void signal(stream_signal s) {
    if (const auto at = signals_.find(s.cid); at != signals_.end()) at->second(std::move(s));
  }

  template <class Delta>
  void pass(const stream_item<Delta>& item) {
    d_.link->partial(item.cid, item.seq, msgpack_codec::encode(item.delta));
  }

  server_deps d_;
  std::unordered_map<call_id, std::function<void(stream_signal)>> signals_; // of what runs here
  std::optional<error> ending_; // why what runs was cancelled
};

using server_state = detail::service_state<server_impl>;

} // namespace

bus_server spawn_bus_server(caf::actor_system& system, std::shared_ptr<bus> link,
                            served_services services) {
  auto running = std::make_shared<std::atomic<std::int64_t>>(0);
  const auto actor = spawn_service<server_service, server_impl>(
      system, server_deps{link, std::move(services), running});
  auto* self = static_cast<caf::stateful_actor<server_state, server_service::actor::base>*>(
      caf::actor_cast<caf::abstract_actor*>(actor));
  bus_server made;
  made.actor = caf::actor_cast<caf::actor>(actor);
  made.running = std::move(running);
  // Weak: the bus keeps this function.
  made.work = [actor, self, to = std::weak_ptr<bus>(link)](bus_work in) {
    const auto* request = std::get_if<bus_request>(&in);
    const bool is_heavy = request != nullptr && request->body.size() > limits::light_body_bytes;
    auto task = make_task([self, to, in = std::move(in)]() mutable {
      if (self->state.impl) return std::visit([&](auto& one) { self->state.impl->take(one); }, in);
      const auto held = to.lock();
      if (const auto* lost = std::get_if<bus_request>(&in); lost != nullptr && held)
        held->fail(lost->cid, make_error(errc::unavailable, "the service restarts"));
    });
    is_heavy ? post_to(actor, std::move(task)) : run_here(actor, std::move(task));
  };
  made.end_running = [actor, self](error why) {
    post_to(actor, make_task([self, why = std::move(why)]() mutable {
              if (self->state.impl) self->state.impl->end_running(std::move(why));
            }));
  };
  return made;
}

} // namespace troupe
