#pragma once

#include "actors/auth/account_rules.hpp"
#include "actors/auth/auth_actor.hpp"
#include "actors/auth/limit_actor.hpp"
#include "actors/bridge/bus_client.hpp"
#include "actors/bridge/bus_server.hpp"
#include "actors/bridge/bus_topology.hpp"
#include "actors/bridge/offered_services.hpp"
#include "actors/edge/edge_gates.hpp"
#include "actors/log/log_actor.hpp"
#include "actors/log/record_keeper.hpp"
#include "actors/prompt/prompt_actor.hpp"
#include "actors/retrieval/retrieval_actor.hpp"
#include "actors/routing/router_actor.hpp"
#include "actors/supervision/own_topology.hpp"
#include "adapters/crypto/crypto.hpp"
#include "adapters/documents/document_reader.hpp"
#include "adapters/memory/memory_stores.hpp"
#include "adapters/sql/sql_stores.hpp"
#include "adapters/vector/passage_index.hpp"
#include "broker/zmq_bus.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/chat_json.hpp"
#include "runtime/late_bus.hpp"
#include "tests/support/actor_settings.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_provider.hpp"

#include <gtest/gtest.h>
#include <caf/event_based_actor.hpp>
#include <condition_variable>
#include <future>

namespace troupe {

using namespace std::chrono_literals;
using test::eventually;

enum class shape { near, far };

/// Collects a stream; the test waits on it.
struct collector {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<chat_delta> deltas;
  std::optional<result<chat_reply>> end;

  stream_sink<chat_delta, chat_reply> sink() {
    stream_sink<chat_delta, chat_reply> s;
    s.delta = [this](chat_delta d) {
      const std::lock_guard lock(mutex);
      deltas.push_back(std::move(d));
      changed.notify_all();
    };
    s.end = reply<chat_reply>([this](result<chat_reply> r) {
      const std::lock_guard lock(mutex);
      end = std::move(r);
      changed.notify_all();
    });
    return s;
  }
  template <class Condition>
  bool wait(Condition&& c) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 5s, c);
  }
  bool wait_end() {
    return wait([this] { return end.has_value(); });
  }
};

/// The whole company of actors on memory stores, asked through the gates: in one piece (near), or
/// with the gates on one node and the services on another, over a real broker on loopback (far).
class services_test : public testing::TestWithParam<shape> {
protected:
  void SetUp() override {
    spawn_services();
    router_ = near_.router;
    if (GetParam() == shape::far) go_far();
    gates_ = make_edge_gates(system_, router_);
    make_admin();
  }

  void TearDown() override {
    gates_.reset();
    for (const auto& link : links_) link->stop();
    for (auto& a : actors_) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    actors_.clear();
    near_ = {};
    router_ = nullptr;
    clients_.clear();
    broker_.reset();
  }

  template <class Handle>
  Handle keep(Handle h) {
    actors_.push_back(caf::actor_cast<caf::actor>(h));
    return h;
  }

  void spawn_services() {
    auto prompt = make_memory_prompt_stores();
    auth_.in = open_memory_auth_stores().value();
    auth_.hasher = make_password_hasher();
    auth_.signer =
        make_token_signer({.keys = {{.text = {make_signing_key(jws_alg::eddsa)}}}}).value();
    auth_.digest = make_digests();
    auth_.limits = make_memory_limit_store();
    near_.log = keep(spawn_log(system_, {make_memory_log_store()}));
    keeper_ = spawn_record_keeper(system_, near_.log, near_log_gathers);
    keep(keeper_.actor);
    auth_.audit = [keep = keeper_.keep](const audit_event& event, const op_context& op) {
      keep(std::string(audit_owner), to_record(event, op));
    };
    near_.auth = keep(spawn_auth(system_, auth_));
    near_.keys = keep(spawn_keys(system_, auth_));
    near_.limits = keep(spawn_limits(system_, {auth_.limits, 0}));
    auto embed = make_hashing_embedder();
    near_.retrieval = keep(spawn_retrieval(
        system_, {std::move(prompt.files), std::move(prompt.stores),
                  make_memory_passage_index(embed), make_document_reader(), make_digests()}));
    prompt_deps p;
    p.provider = provider_;
    p.embed = embed;
    p.conversations = std::move(prompt.conversations);
    p.retrieval = near_.retrieval;
    p.limiter = near_.limits;
    p.keep_record = keeper_.keep;
    p.forget_records = keeper_.forget;
    p.open_after = 200ms;
    activity_ = p.activity;
    near_.prompt = keep(spawn_prompt(system_, p));
    service_handles all{near_.auth,   near_.keys,      {},       near_.limits,
                        near_.prompt, near_.retrieval, near_.log};
    near_.accounts = all.accounts = keep(spawn_accounts(system_, auth_, all));
    near_.router = keep(spawn_router(system_, all, look_at_all()));
  }

  std::shared_ptr<topology_source> look_at_all() {
    if (GetParam() == shape::far) return make_bus_topology(services_link_);
    own_node one{"all", {"all"}, {}, nullptr};
    const auto add = [&](const char* name, const auto& service) {
      one.services.push_back({name, caf::actor_cast<caf::actor>(service),
                              [service](self_task task) { post_to(service, std::move(task)); }});
    };
    add("auth", near_.auth), add("keys", near_.keys), add("accounts", near_.accounts);
    add("limits", near_.limits), add("prompt", near_.prompt), add("retrieval", near_.retrieval);
    add("log", near_.log);
    return make_own_topology(system_, std::move(one));
  }

  void go_far() {
    std::string why;
    broker_ = start_broker({"tcp://127.0.0.1:0"}, why);
    ASSERT_TRUE(broker_) << why;
    const auto& services = services_link_;
    auto server = spawn_bus_server(system_, services, near_);
    actors_.push_back(server.actor);
    end_running_ = server.end_running;
    bus_config config;
    config.join = {broker_->address()};
    config.node_name = "services";
    config.roles = {"router", "auth", "prompt", "log"};
    config.services = offered_services(near_, 256);
    config.incarnation = own_incarnation() + 1; // two nodes in one process
    services->set(make_zmq_bus(config, {[](bus_answer) {}, server.work, [](bool) {}}));
    links_.push_back(services);

    auto edge = std::make_shared<late_bus>();
    clients_.push_back(spawn_bus_client(system_, edge, bus_target::router));
    keep(clients_.back().actor);
    config.node_name = "edge";
    config.roles = {"edge"};
    config.services.clear();
    config.incarnation = own_incarnation();
    edge->set(make_zmq_bus(config, {clients_.back().answers, [](bus_work) {}, [](bool) {}}));
    links_.push_back(edge);
    router_ = caf::actor_cast<router_service::actor>(clients_.back().actor);
    ASSERT_TRUE(eventually([&] { return services->linked() && edge->linked(); }));
  }

  /// Asks a store directly.
  template <class T, class F>
  static result<T> stored(F call) {
    std::promise<result<T>> told;
    call(reply<T>([&told](result<T> value) { told.set_value(std::move(value)); }));
    return told.get_future().get();
  }

  void make_admin() {
    std::promise<result<bool>> made;
    ensure_admin(
        auth_,
        [this](const std::string& key) {
          key_ = key;
          return result<void>();
        },
        reply<bool>([&](result<bool> r) { made.set_value(std::move(r)); }));
    ASSERT_TRUE(made.get_future().get());
  }

  request_context context(std::chrono::milliseconds patience = 10s) const {
    return {key_, "req_test", {}, std::chrono::steady_clock::now() + patience};
  }

  template <class Gate, class Request>
  result<reply_of<Request>> ask(Gate& gate, Request request, std::string credential = {}) {
    auto c = context();
    if (!credential.empty()) c.credential = std::move(credential);
    std::promise<result<reply_of<Request>>> answered;
    gate.ask(c, std::move(request),
             reply<reply_of<Request>>([&](auto r) { answered.set_value(std::move(r)); }));
    return answered.get_future().get();
  }

  /// Asks a service as another service does: without a router.
  template <class Request, class Handle>
  result<reply_of<Request>> ask_service(const Handle& to, Request request) {
    call<Request> c{{}, std::move(request), {}};
    c.op.cid = make_call_id();
    c.op.deadline = std::chrono::steady_clock::now() + 10s;
    auto answered = std::make_shared<std::promise<result<reply_of<Request>>>>();
    system_.spawn([to, answered, c = std::move(c)](caf::event_based_actor* self) mutable {
      self->request(to, caf::infinite, std::move(c))
          .then([answered](outcome<reply_of<Request>>& r) { answered->set_value(std::move(r)); },
                [answered](caf::error& e) { answered->set_value(std::unexpected(from_caf(e))); });
    });
    return answered->get_future().get();
  }

  /// The services that keep what users own, as a node of the role auth sees them. Far, it takes the
  /// edge's place on the bus, and the gates lead to the router directly.
  service_handles as_auth() {
    if (GetParam() == shape::near)
      return {{}, {}, {}, {}, near_.prompt, near_.retrieval, near_.log};
    links_.back()->stop();
    gates_ = make_edge_gates(system_, near_.router);
    auto link = std::make_shared<late_bus>();
    clients_.push_back(spawn_bus_client(system_, link, bus_target::service));
    const auto services = keep(clients_.back().actor);
    bus_config config;
    config.join = {broker_->address()};
    config.node_name = "accounts";
    config.roles = {"auth"};
    config.incarnation = own_incarnation();
    link->set(make_zmq_bus(config, {clients_.back().answers, [](bus_work) {}, [](bool) {}}));
    links_.push_back(link);
    EXPECT_TRUE(eventually([&] { return link->linked(); }));
    return {{},
            {},
            {},
            {},
            caf::actor_cast<prompt_service::actor>(services),
            caf::actor_cast<retrieval_service::actor>(services),
            caf::actor_cast<log_service::actor>(services)};
  }

  test::actor_settings cfg_;
  caf::actor_system system_{cfg_};
  std::shared_ptr<fake_provider> provider_ = std::make_shared<fake_provider>();
  record_keeper keeper_;
  auth_deps auth_;
  served_services near_;
  router_service::actor router_;
  std::shared_ptr<prompt_activity> activity_;
  std::vector<caf::actor> actors_;
  std::unique_ptr<broker_node> broker_;
  const std::shared_ptr<late_bus> services_link_ = std::make_shared<late_bus>(); // far only
  std::vector<std::shared_ptr<late_bus>> links_;
  std::vector<bus_client> clients_;
  std::function<void(error)> end_running_; // far only
  std::unique_ptr<edge_gates> gates_;
  std::string key_;
};

inline chat_request far_chat(bool stream) {
  chat_request r;
  r.model = "far";
  r.stream = stream;
  r.body.raw = R"({"model":"far","messages":[{"role":"user","content":"hi"}],"x":1})";
  return r;
}

/// A test suite's two halves are named after the shape.
constexpr auto shape_name = [](const testing::TestParamInfo<shape>& which) {
  return which.param == shape::near ? "near" : "far";
};

} // namespace troupe
