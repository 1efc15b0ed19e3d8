#include "actors/edge/edge_gates.hpp"

#include "actors/auth/auth_rules.hpp"
#include "messages/base/limits.hpp"

#include <unordered_map>

namespace troupe {
namespace {

/// The gate actor takes deltas of its streams and tasks from the gates; it answers no request.
using gate_service = service_protocol<>;

constexpr auto sweep_every = std::chrono::milliseconds(50);

/// A request that waits for its answer. Lives inside the gate actor.
struct pending_call {
  virtual ~pending_call() = default;
  virtual void fail(error why) = 0;
  virtual void delta(chat_delta) {}
  virtual void delta(file_chunk) {}

  op_context::clock::time_point deadline;
  std::string_view service; // who produces the stream, for signals
  std::uint64_t last_seq = 0;
};

template <class Request>
struct pending_reply final : pending_call {
  using delta_type = delta_of<Request>;
  using sink_type =
      stream_sink<std::conditional_t<method_traits<Request>::streamed, delta_type, chat_delta>,
                  reply_of<Request>>;

  explicit pending_reply(sink_type s) : sink(std::move(s)) {}
  void fail(error why) override { sink.end.fail(std::move(why)); }
  void delta(chat_delta d) override { pass(std::move(d)); }
  void delta(file_chunk d) override { pass(std::move(d)); }

  sink_type sink;

private:
  template <class Delta>
  void pass(Delta d) {
    if constexpr (std::is_same_v<Delta, delta_type>)
      if (sink.delta) sink.delta(std::move(d));
  }
};

class gate_impl final : public service_base<gate_service> {
public:
  static inline const char* actor_name = "gate";

  gate_impl(pointer self, slot_registry& slots, router_service::actor router)
      : service_base(self, slots), router_(std::move(router)) {}

  ~gate_impl() override {
    for (auto& [cid, p] : pending_)
      p->fail(make_error(errc::draining, "the node is shutting down"));
  }

  void start() override { sweep(); }

  template <class Request>
  void begin(call<Request> request, typename pending_reply<Request>::sink_type sink) {
    auto entry = std::make_unique<pending_reply<Request>>(std::move(sink));
    entry->deadline = request.op.deadline;
    entry->service = method_traits<Request>::service;
    const auto cid = request.op.cid;
    pending_.emplace(cid, std::move(entry));
    if constexpr (method_traits<Request>::streamed)
      request.consumer = caf::actor_cast<stream_consumer>(caf::actor_cast<handle>(self_));
    ask(router_, std::move(request), [this, cid](outcome<reply_of<Request>> out) {
      const auto at = pending_.find(cid);
      if (at == pending_.end()) return; // answered by the deadline before
      const auto p = std::move(at->second);
      pending_.erase(at);
      static_cast<pending_reply<Request>&>(*p).sink.end(std::move(out));
    });
  }

  void grant(call_id cid, std::uint32_t frames, std::uint32_t bytes) {
    if (const auto at = pending_.find(cid); at != pending_.end())
      self_->send(router_, stream_signal{cid, at->second->service, false, at->second->last_seq,
                                         frames, bytes});
  }

  /// The answer still comes: `cancelled`, or what had finished before.
  void cancel(call_id cid) {
    if (const auto at = pending_.find(cid); at != pending_.end()) stop(cid, *at->second);
  }

  void on(stream_signal&) override {}
  void on(stream_item<chat_delta>& item) override { deliver(item); }
  void on(stream_item<file_chunk>& item) override { deliver(item); }

private:
  template <class Delta>
  void deliver(stream_item<Delta>& item) {
    const auto at = pending_.find(item.cid);
    if (at == pending_.end()) return;
    at->second->last_seq = item.seq;
    at->second->delta(std::move(item.delta));
  }

  void stop(call_id cid, const pending_call& p) {
    self_->send(router_, stream_signal{cid, p.service, true, p.last_seq, 0, 0});
  }

  void sweep() {
    const auto now = op_context::clock::now();
    for (auto at = pending_.begin(); at != pending_.end();) {
      if (at->second->deadline > now) {
        ++at;
        continue;
      }
      const auto p = std::move(at->second);
      stop(at->first, *p);
      at = pending_.erase(at);
      p->fail(make_error(errc::deadline_exceeded, "no answer in time"));
    }
    later(sweep_every, [this] { sweep(); });
  }

  router_service::actor router_;
  std::unordered_map<call_id, std::unique_ptr<pending_call>> pending_;
};

using gate_actor = gate_service::actor;
using gate_state = detail::service_state<gate_impl>;

/// What an actor may compute on for milliseconds: not on the thread that asks.
template <class Request>
bool is_heavy(const Request& in) {
  constexpr std::size_t light_records = 32;
  if constexpr (std::is_same_v<Request, chat_request>)
    return in.body.raw.size() > limits::light_body_bytes;
  else if constexpr (std::is_same_v<Request, append_logs_request>)
    return in.records.size() > light_records;
  else
    return std::is_same_v<Request, embeddings_request> ||
           std::is_same_v<Request, create_file_request>;
}

/// Reaches the implementation inside its actor: `work(gate_impl&)`. While it is being restarted the
/// work is dropped, and with it its replies, which answer then.
template <class F>
void inside(const gate_actor& gate, F work, bool heavy = false) {
  // The cast is sound because this file alone spawns the gate; the task runs inside the actor.
  auto* self = static_cast<gate_actor::stateful_pointer<gate_state>>(
      static_cast<caf::stateful_actor<gate_state, gate_actor::base>*>(
          caf::actor_cast<caf::abstract_actor*>(gate)));
  auto task = make_task([self, work = std::move(work)]() mutable {
    if (self->state.impl) work(*self->state.impl);
  });
  heavy ? post_to(gate, std::move(task)) : run_here(gate, std::move(task));
}

class control final : public stream_control {
public:
  control(gate_actor gate, call_id cid) : gate_(std::move(gate)), cid_(cid) {}
  void grant(std::uint32_t frames, std::uint32_t bytes) override {
    inside(gate_, [cid = cid_, frames, bytes](gate_impl& g) { g.grant(cid, frames, bytes); });
  }
  void cancel() override {
    inside(gate_, [cid = cid_](gate_impl& g) { g.cancel(cid); });
  }

private:
  gate_actor gate_;
  call_id cid_;
};

op_context context_of(request_context&& in) {
  op_context op;
  op.cid = make_call_id();
  op.deadline = in.deadline;
  op.credential = std::move(in.credential);
  op.request_id = std::move(in.request_id);
  op.traceparent = std::move(in.traceparent);
  op.client_address = std::move(in.client_address);
  return op;
}

class gates_impl final : public edge_gates,
                         public account_gate,
                         public chat_gate,
                         public document_gate,
                         public log_gate,
                         public cluster_gate,
                         public health_gate {
public:
  gates_impl(caf::actor_system& system, router_service::actor router, edge_rules rules)
      : rules_(rules), gate_(spawn_service<gate_service, gate_impl>(system, std::move(router))) {}
  ~gates_impl() override { caf::anon_send_exit(gate_, caf::exit_reason::user_shutdown); }

  account_gate& accounts() override { return *this; }
  chat_gate& chats() override { return *this; }
  document_gate& documents() override { return *this; }
  log_gate& logs() override { return *this; }
  cluster_gate& cluster() override { return *this; }
  health_gate& health() override { return *this; }

#define TROUPE_ASK(service_, name_, request_, delta_, reply_, class_) \
  void ask(request_context c, request_ r, reply<reply_> a) override { \
    begin(std::move(c), std::move(r), {nullptr, std::move(a)});       \
  }
#define TROUPE_ASK_LOCAL(request_, reply_) TROUPE_ASK(, , request_, , reply_, )
  TROUPE_ACCOUNT_METHODS(TROUPE_ASK)
  TROUPE_LOG_METHODS(TROUPE_ASK)
  TROUPE_CLUSTER_METHODS(TROUPE_ASK)
  TROUPE_ASK_LOCAL(stop_chat_request, chat_stream_view)
  TROUPE_ASK_LOCAL(embeddings_request, json_reply)
  TROUPE_ASK_LOCAL(models_request, model_list)
  TROUPE_ASK_LOCAL(create_file_request, file_view)
  TROUPE_ASK_LOCAL(list_files_request, file_list)
  TROUPE_ASK_LOCAL(get_file_request, file_view)
  TROUPE_ASK_LOCAL(delete_file_request, deleted_reply)
  TROUPE_ASK_LOCAL(create_store_request, store_view)
  TROUPE_ASK_LOCAL(list_stores_request, store_list)
  TROUPE_ASK_LOCAL(get_store_request, store_view)
  TROUPE_ASK_LOCAL(delete_store_request, deleted_reply)
  TROUPE_ASK_LOCAL(attach_file_request, store_file_view)
  TROUPE_ASK_LOCAL(list_store_files_request, store_file_list)
  TROUPE_ASK_LOCAL(get_store_file_request, store_file_view)
  TROUPE_ASK_LOCAL(detach_file_request, deleted_reply)
  TROUPE_ASK_LOCAL(search_request, search_reply)
  TROUPE_ASK_LOCAL(ping_request, ping_reply)
#undef TROUPE_ASK_LOCAL
#undef TROUPE_ASK

  std::unique_ptr<stream_control> chat(request_context c, chat_request r,
                                       stream_sink<chat_delta, chat_reply> s) override {
    return begin(std::move(c), std::move(r), std::move(s));
  }
  std::unique_ptr<stream_control> resume(request_context c, resume_chat_request r,
                                         stream_sink<chat_delta, chat_reply> s) override {
    return begin(std::move(c), std::move(r), std::move(s));
  }
  std::unique_ptr<stream_control> content(request_context c, file_content_request r,
                                          stream_sink<file_chunk, file_view> s) override {
    return begin(std::move(c), std::move(r), std::move(s));
  }

private:
  template <class Request>
  std::unique_ptr<stream_control> begin(request_context c, Request r,
                                        typename pending_reply<Request>::sink_type sink) {
    if constexpr (std::is_same_v<Request, send_mail_request>)
      r.create_user = r.create_user && rules_.signup_open;
    if constexpr (std::is_same_v<Request, register_request> ||
                  std::is_same_v<Request, sign_up_request>) {
      if (!rules_.signup_open) {
        sink.end.fail(auth_rules::signup_closed());
        return nullptr;
      }
    }
    call<Request> request{context_of(std::move(c)), std::move(r), {}};
    auto handle = std::make_unique<control>(gate_, request.op.cid);
    const bool heavy = is_heavy(request.body);
    inside(
        gate_,
        [request = std::move(request), sink = std::move(sink)](gate_impl& g) mutable {
          g.begin(std::move(request), std::move(sink));
        },
        heavy);
    return handle;
  }

  const edge_rules rules_;
  gate_actor gate_;
};

} // namespace

std::unique_ptr<edge_gates> make_edge_gates(caf::actor_system& system, router_service::actor router,
                                            edge_rules rules) {
  return std::make_unique<gates_impl>(system, std::move(router), rules);
}

} // namespace troupe
