// Goal: the services behave the same whether they are near or behind the bus. Method: the whole
// company of actors on memory stores, asked through the gates; once in one piece, once with the
// gates on one node and the services on another, over a real broker on loopback.
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
#include "tests/support/fake_provider.hpp"

#include <gtest/gtest.h>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <condition_variable>
#include <future>

namespace troupe {
namespace {

using namespace std::chrono_literals;

enum class shape { near, far };

struct settings : caf::actor_system_config {
  settings() {
    set("scheduler.policy", caf::atom_value{caf::atom("sharing")});
    set("scheduler.max-threads", std::size_t{2});
  }
};

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

template <class Condition>
bool eventually(Condition&& c) {
  for (const auto until = std::chrono::steady_clock::now() + 5s;
       std::chrono::steady_clock::now() < until;) {
    if (c()) return true;
    std::this_thread::sleep_for(2ms);
  }
  return c();
}

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

  settings cfg_;
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

chat_request far_chat(bool stream) {
  chat_request r;
  r.model = "far";
  r.stream = stream;
  r.body.raw = R"({"model":"far","messages":[{"role":"user","content":"hi"}],"x":1})";
  return r;
}

TEST_P(services_test, every_service_says_that_it_is_ready) {
  const auto pong = ask(gates_->health(), ping_request{});
  ASSERT_TRUE(pong) << pong.error().message;
  EXPECT_TRUE(pong->ready);
  EXPECT_EQ(pong->services.size(), 7u);
}

TEST_P(services_test, an_admin_sees_all_processes_and_services) {
  const auto all = ask(gates_->cluster(), topology_request{});
  ASSERT_TRUE(all) << all.error().message;
  std::vector<std::string> nodes, services;
  for (const auto& n : all->nodes) nodes.push_back(n.name);
  for (const auto& s : all->services) {
    services.push_back(s.name);
    EXPECT_EQ(s.workers, 1u) << s.name;
  }
  const bool is_far = GetParam() == shape::far;
  EXPECT_EQ(nodes, is_far ? (std::vector<std::string>{"edge", "services"})
                          : (std::vector<std::string>{"all"}));
  std::vector<std::string> wanted{"accounts", "auth",   "keys",     "limits",
                                  "log",      "prompt", "retrieval"};
  if (is_far) wanted.emplace_back("router");
  EXPECT_EQ(services, wanted);
  ASSERT_EQ(all->brokers.size(), is_far ? 1u : 0u);
  if (is_far) {
    EXPECT_EQ(all->brokers[0].address, broker_->address());
    EXPECT_TRUE(all->brokers[0].answered) << all->brokers[0].detail;
    EXPECT_EQ(all->brokers[0].in_flight, 1u) << "this request";
    EXPECT_EQ(all->nodes[0].asked, 1u);
    EXPECT_EQ(all->nodes[1].in_flight, 1u);
  }
}

TEST_P(services_test, the_topology_is_for_admins) {
  EXPECT_EQ(ask(gates_->cluster(), topology_request{}, "tr-wrong").error().code,
            errc::unauthenticated);
  const auto ada =
      ask(gates_->accounts(), register_request{"ada@example.org", {"long enough"}, "Ada"});
  ASSERT_TRUE(ada);
  EXPECT_EQ(ask(gates_->cluster(), topology_request{}, ada->access_token).error().code,
            errc::forbidden);
}

TEST_P(services_test, a_broker_that_is_gone_is_named_as_silent) {
  if (GetParam() == shape::near) return; // it has none
  const auto gone = broker_->address();
  broker_.reset();
  ASSERT_TRUE(eventually([&] { return !services_link_->linked(); }));
  std::promise<topology> seen;
  make_bus_topology(services_link_)->look(reply<topology>([&](result<topology> r) {
    seen.set_value(std::move(*r));
  }));
  const auto all = seen.get_future().get();
  EXPECT_TRUE(all.nodes.empty());
  ASSERT_EQ(all.brokers.size(), 1u);
  EXPECT_EQ(all.brokers[0].address, gone);
  EXPECT_FALSE(all.brokers[0].answered);
  EXPECT_FALSE(all.brokers[0].detail.empty());
}

TEST_P(services_test, everyone_may_know_the_public_keys) {
  const auto set = ask(gates_->accounts(), jwks_request{}, "");
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_TRUE(set->body.raw.contains("\"OKP\"")) << set->body.raw;
}

TEST_P(services_test, a_wrong_credential_is_refused_and_a_right_one_knows_its_user) {
  EXPECT_EQ(ask(gates_->accounts(), me_request{}, "tr-wrong").error().code, errc::unauthenticated);
  EXPECT_EQ(ask(gates_->accounts(), me_request{}, "e30.e30.e30").error().code,
            errc::unauthenticated);
  EXPECT_TRUE(ask(gates_->accounts(), me_request{})->admin);
}

TEST_P(services_test, an_account_is_registered_used_refreshed_and_logged_out) {
  const auto made =
      ask(gates_->accounts(), register_request{"ada@example.org", {"long enough"}, "Ada"});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(ask(gates_->accounts(), register_request{"ADA@example.org", {"long enough"}, {}})
                .error()
                .code,
            errc::conflict);
  EXPECT_EQ(ask(gates_->accounts(), me_request{}, made->access_token)->email, "ada@example.org");
  const auto next = ask(gates_->accounts(), refresh_request{{made->refresh_token}});
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_NE(next->refresh_token, made->refresh_token);
  ASSERT_TRUE(ask(gates_->accounts(), logout_request{}, next->access_token));
  EXPECT_EQ(ask(gates_->accounts(), refresh_request{{next->refresh_token}}).error().code,
            errc::unauthenticated);
  EXPECT_EQ(ask(gates_->accounts(), me_request{}, next->access_token).error().code,
            errc::unauthenticated);
}

TEST_P(services_test, a_password_of_another_system_is_kept_as_ours_after_its_first_sign_in) {
  const std::string foreign =
      "pbkdf2_sha256$1000$saltsalt1234$vCowWi1dB0WkHn96blKCnL2OG83kjxRxvy4fTd6Hm28=";
  auto row = account_rules::new_user("old@example.org", "Old", foreign, true);
  ASSERT_TRUE(stored<done>([&](auto r) { auth_.in.users->insert_user(row, {}, std::move(r)); }));
  const auto hash = [&] {
    return stored<user_row>([&](auto r) { auth_.in.users->user_by_id(row.id, std::move(r)); })
        ->password_hash;
  };
  EXPECT_FALSE(ask(gates_->accounts(), login_request{row.email, {"not it"}}));
  EXPECT_EQ(hash(), foreign);
  ASSERT_TRUE(ask(gates_->accounts(), login_request{row.email, {"correct horse"}}));
  EXPECT_TRUE(eventually([&] { return hash().starts_with("$argon2id$"); }));
  EXPECT_TRUE(ask(gates_->accounts(), login_request{row.email, {"correct horse"}}));
}

TEST_P(services_test, a_bad_request_names_its_field) {
  const auto r = ask(gates_->accounts(), register_request{"no-at-sign", {"long enough"}, {}});
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().param, "email");
}

TEST_P(services_test, a_plain_chat_passes_the_providers_answer_through) {
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(false), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  const auto call = provider_->last();
  EXPECT_NE(call->body.raw.find("\"x\":1"), std::string::npos);
  const std::string body =
      R"({"id":"c1","object":"chat.completion","created":1,"model":"far","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}})";
  call->sink.end(json_text{body});
  ASSERT_TRUE(got.wait_end());
  ASSERT_TRUE(*got.end) << got.end->error().message;
  EXPECT_EQ((*got.end)->body.raw, body);
  EXPECT_EQ((*got.end)->usage.total_tokens, 4);
  EXPECT_EQ((*got.end)->source, usage_source::reported);
}

TEST_P(services_test, a_stream_arrives_in_order_and_holds_its_producer_without_credit) {
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  const auto call = provider_->last();
  constexpr int chunks = 200;
  for (int i = 0; i < chunks; ++i)
    call->sink.chunk({R"({"id":"c1","choices":[{"index":0,"delta":{"content":")" +
                      std::to_string(i) + R"("}}]})"});
  call->sink.end(json_text{});
  ASSERT_TRUE(got.wait([&] { return got.deltas.size() == limits::stream_window_frames; }));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(got.deltas.size(), limits::stream_window_frames) << "nothing more without credit";
  EXPECT_FALSE(got.end.has_value());
  control->grant(1000, 1u << 20);
  ASSERT_TRUE(got.wait_end());
  ASSERT_TRUE(*got.end) << got.end->error().message;
  ASSERT_EQ(got.deltas.size(), std::size_t{chunks});
  for (int i = 0; i < chunks; ++i)
    EXPECT_NE(got.deltas[static_cast<std::size_t>(i)].data.raw.find('"' + std::to_string(i) + '"'),
              std::string::npos);
}

TEST_P(services_test, a_stream_opens_when_the_provider_accepts_it_and_only_once) {
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  const auto call = provider_->last();
  EXPECT_TRUE(got.deltas.empty());
  call->sink.accepted();
  ASSERT_TRUE(got.wait([&] { return got.deltas.size() == 1; }));
  EXPECT_EQ(got.deltas.front().event, stream_opened);
  std::this_thread::sleep_for(400ms); // past the time after which a silent one is opened
  call->sink.chunk({R"({"choices":[{"index":0,"delta":{"content":"x"}}]})"});
  call->sink.end(json_text{});
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.deltas.size(), 2u);
}

TEST_P(services_test, a_stream_of_a_silent_provider_opens_after_a_while_and_not_before) {
  collector got;
  const auto asked = std::chrono::steady_clock::now();
  const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
  ASSERT_TRUE(got.wait([&] { return !got.deltas.empty(); }));
  EXPECT_EQ(got.deltas.front().event, stream_opened);
  EXPECT_GE(std::chrono::steady_clock::now() - asked, 200ms);
  control->cancel();
  ASSERT_TRUE(got.wait_end());
}

TEST_P(services_test, a_node_that_must_end_tells_its_requesters_why_and_stops_the_provider) {
  if (GetParam() == shape::near) GTEST_SKIP() << "near, the edge ends what runs";
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  end_running_(make_error(errc::draining, "the server is shutting down"));
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.end->error().code, errc::draining);
  EXPECT_TRUE(eventually([&] { return provider_->last()->cancelled.load(); }));
  EXPECT_TRUE(eventually([&] { return *keeper_.unacknowledged == 0; }))
      << "its record is in the log";
}

TEST_P(services_test, what_a_node_that_must_end_cuts_off_may_have_begun) {
  if (GetParam() == shape::near) GTEST_SKIP() << "near, the edge ends what runs";
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(false), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  end_running_(make_error(errc::draining, "the server is shutting down"));
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.end->error().code, errc::draining);
  EXPECT_EQ(got.end->error().started, started_state::unknown);
}

TEST_P(services_test, an_edge_with_closed_sign_up_lets_nobody_register) {
  const auto closed = make_edge_gates(system_, router_, {.signup_open = false});
  const register_request ada{"ada@example.org", {"long enough"}, "Ada"};
  EXPECT_EQ(ask(closed->accounts(), ada).error().code, errc::forbidden);
  EXPECT_TRUE(ask(gates_->accounts(), ada));
  EXPECT_TRUE(ask(closed->accounts(), login_request{"ada@example.org", {"long enough"}}));
}

TEST_P(services_test, a_cancel_reaches_the_provider_before_and_after_the_first_token) {
  for (const bool started : {false, true}) {
    collector got;
    const auto before = provider_->last();
    const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
    ASSERT_TRUE(eventually([&] { return provider_->last() != before; }));
    const auto call = provider_->last();
    if (started) {
      call->sink.chunk({R"({"choices":[{"index":0,"delta":{"content":"x"}}]})"});
      ASSERT_TRUE(got.wait([&] { return !got.deltas.empty(); }));
    }
    control->cancel();
    EXPECT_TRUE(eventually([&] { return call->cancelled.load(); }));
    ASSERT_TRUE(got.wait_end());
    EXPECT_EQ(got.end->error().code, errc::cancelled);
  }
}

TEST_P(services_test, a_deadline_answers_and_stops_the_provider) {
  collector got;
  const auto control = gates_->chats().chat(context(200ms), far_chat(false), got.sink());
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.end->error().code, errc::deadline_exceeded);
  EXPECT_TRUE(eventually([&] { return provider_->last() && provider_->last()->cancelled.load(); }));
}

TEST_P(services_test, embeddings_as_large_as_a_body_may_be_reach_the_provider_whole) {
  embeddings_request r;
  r.model = "far";
  r.input.raw = '"' + std::string(limits::body_bytes - 100, 'x') + '"';
  r.body.raw = R"({"model":"far","user":"u"})";
  const auto got = ask(gates_->chats(), r);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(provider_->embedded().raw,
            "{\"input\":" + r.input.raw + R"(,"model":"far","user":"u"})");
}

TEST_P(services_test, an_unknown_models_error_comes_from_the_provider_and_keeps_its_status) {
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  auto why = make_error(errc::rate_limited, "slow down");
  why.status = 429;
  why.retry_after_ms = 1500;
  provider_->last()->sink.end.fail(why);
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.end->error().status, 429);
  EXPECT_EQ(got.end->error().retry_after_ms, 1500u);
}

TEST_P(services_test, documents_are_indexed_found_cited_and_their_owners_own) {
  const auto file =
      ask(gates_->documents(),
          create_file_request{"whales.md",
                              "assistants",
                              {"# Whales\n\nThe blue whale weighs 150 tons. It eats krill.\n"}});
  ASSERT_TRUE(file) << file.error().message;
  const auto store = ask(gates_->documents(), create_store_request{"sea", {{file->id}}, {}});
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE(eventually([&] {
    return ask(gates_->documents(), get_store_request{store->id})->file_counts_.completed == 1;
  }));
  collector got;
  chat_request chat;
  chat.model = "extract";
  chat.body.raw =
      R"({"model":"extract","messages":[{"role":"user","content":"How much does the blue whale weigh?"}]})";
  chat.retrieval = retrieval_options{{store->id}, 4};
  const auto control = gates_->chats().chat(context(), chat, got.sink());
  ASSERT_TRUE(got.wait_end());
  ASSERT_TRUE(*got.end) << got.end->error().message;
  EXPECT_NE((*got.end)->body.raw.find("150 tons"), std::string::npos);
  EXPECT_NE((*got.end)->body.raw.find("whales.md"), std::string::npos);

  const auto other =
      ask(gates_->accounts(), register_request{"bob@example.org", {"long enough"}, {}});
  ASSERT_TRUE(other);
  EXPECT_EQ(ask(gates_->documents(), get_file_request{file->id}, other->access_token).error().code,
            errc::not_found);
  search_request search;
  search.vector_store_id = store->id;
  search.query.raw = "\"whale\"";
  EXPECT_EQ(ask(gates_->documents(), search, other->access_token).error().code, errc::not_found);
  EXPECT_EQ(ask(gates_->documents(), search)->data.front().filename, "whales.md");
}

TEST_P(services_test, a_large_file_comes_back_whole_under_credit) {
  std::string bytes(300'000, 'x');
  for (std::size_t i = 0; i < bytes.size(); i += 997) bytes[i] = static_cast<char>('a' + i % 26);
  const auto file = ask(gates_->documents(), create_file_request{"big.txt", "assistants", {bytes}});
  ASSERT_TRUE(file) << file.error().message;
  std::mutex mutex;
  std::condition_variable changed;
  std::string got;
  std::optional<result<file_view>> end;
  stream_sink<file_chunk, file_view> sink;
  sink.delta = [&](file_chunk c) {
    const std::lock_guard lock(mutex);
    got += c.bytes.data;
    changed.notify_all();
  };
  sink.end = reply<file_view>([&](result<file_view> r) {
    const std::lock_guard lock(mutex);
    end = std::move(r);
    changed.notify_all();
  });
  const auto control = gates_->documents().content(context(), {file->id}, std::move(sink));
  for (std::size_t granted = 0; granted < bytes.size();) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, 5s, [&] { return got.size() > granted || end; }));
    if (end) break;
    const auto more = got.size() - std::exchange(granted, got.size());
    lock.unlock();
    control->grant(64, static_cast<std::uint32_t>(more));
  }
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, 5s, [&] { return end.has_value(); }));
  ASSERT_TRUE(*end) << end->error().message;
  EXPECT_EQ(got, bytes);
}

TEST_P(services_test, a_turn_is_remembered_and_anothers_conversation_is_not_found) {
  collector first;
  chat_request chat;
  chat.format = chat_format::events;
  chat.stream = true;
  chat.model = "far";
  chat.turn = chat_stream_body{"hello", {}, {}, std::vector<std::string>{}, {}};
  const auto before = provider_->last();
  const auto control = gates_->chats().chat(context(), chat, first.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != before; }));
  provider_->last()->sink.chunk(
      {R"({"choices":[{"index":0,"delta":{"content":"hi there"},"finish_reason":"stop"}]})"});
  provider_->last()->sink.end(json_text{});
  ASSERT_TRUE(first.wait_end());
  ASSERT_TRUE(*first.end) << first.end->error().message;
  EXPECT_EQ(first.deltas.front().event, "token");
  EXPECT_EQ(first.deltas.back().event, "done");

  collector second;
  chat.turn->conversation_id = (*first.end)->conversation_id;
  chat.turn->message = "again";
  const auto call = provider_->last();
  const auto more = gates_->chats().chat(context(), chat, second.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != call; }));
  EXPECT_NE(provider_->last()->body.raw.find("hi there"), std::string::npos)
      << "the turn before is context";
  more->cancel();
  ASSERT_TRUE(second.wait_end());

  collector third;
  chat.turn->conversation_id = "conv_nobodys";
  const auto none = gates_->chats().chat(context(), chat, third.sink());
  ASSERT_TRUE(third.wait_end());
  EXPECT_EQ(third.end->error().code, errc::not_found);
}

TEST_P(services_test, every_chat_leaves_a_record_in_the_log) {
  collector got;
  chat_request chat;
  chat.model = "extract";
  chat.body.raw = R"({"model":"extract","messages":[{"role":"user","content":"hello"}]})";
  const auto control = gates_->chats().chat(context(), chat, got.sink());
  ASSERT_TRUE(got.wait_end());
  list_logs_request list;
  list.service = "troupe.prompt";
  ASSERT_TRUE(eventually([&] { return ask(gates_->logs(), list)->data.size() == 1; }));
  EXPECT_TRUE(eventually([&] { return *keeper_.unacknowledged == 0; }));
  const auto record = ask(gates_->logs(), list)->data.front();
  EXPECT_EQ(record.message, "chat.completed");
  EXPECT_EQ(chat_json::string_field(record.attributes, "usage"), "estimated");
}

class purge_test : public services_test {
protected:
  /// A user with something of every kind.
  struct owner {
    std::string id, token, file, store, conversation;
  };

  owner make_owner(const std::string& name) {
    const register_request request{name + "@example.org", {"long enough"}, name};
    const auto session = ask(gates_->accounts(), request).value();
    owner made{session.user.id, session.access_token, {}, {}, {}};
    made.file =
        ask(gates_->documents(),
            create_file_request{"whales.md", "assistants", {"# Whales\n\nThey eat krill.\n"}},
            made.token)
            .value()
            .id;
    made.store = ask(gates_->documents(), create_store_request{name, {{made.file}}, {}}, made.token)
                     .value()
                     .id;
    EXPECT_TRUE(eventually([&] { return found(made) == 1; })) << name;
    made.conversation = talk(made);
    append_logs_request logs;
    logs.records.push_back({log_level::info, name, "hello", {}, {}});
    EXPECT_TRUE(ask(gates_->logs(), logs, made.token));
    EXPECT_TRUE(eventually([&] { return records(made) == 2; })) << name;
    return made;
  }

  chat_request turn(const std::string& model) {
    chat_request chat;
    chat.format = chat_format::events;
    chat.stream = true;
    chat.model = model;
    chat.turn = chat_stream_body{"What do whales eat?", {}, {}, {}, {}};
    return chat;
  }
  /// One turn with the built-in model; answers the conversation.
  std::string talk(const owner& who) {
    collector got;
    auto c = context();
    c.credential = who.token;
    const auto control = gates_->chats().chat(c, turn("extract"), got.sink());
    EXPECT_TRUE(got.wait_end());
    return got.end->value().conversation_id;
  }
  errc go_on(const owner& who) {
    collector got;
    auto c = context();
    c.credential = who.token;
    auto chat = turn("extract");
    chat.turn->conversation_id = who.conversation;
    const auto control = gates_->chats().chat(c, chat, got.sink());
    EXPECT_TRUE(got.wait_end());
    return *got.end ? errc{} : got.end->error().code;
  }
  std::size_t found(const owner& who) {
    search_request search;
    search.vector_store_id = who.store;
    search.query.raw = "\"krill\"";
    const auto hits = ask(gates_->documents(), search, who.token);
    return hits ? hits->data.size() : 0;
  }
  std::size_t records(const owner& who) {
    return ask(gates_->logs(), list_logs_request{}, who.token)->data.size();
  }
  std::size_t documents(const owner& who) {
    return ask(gates_->documents(), list_files_request{}, who.token)->data.size() +
           ask(gates_->documents(), list_stores_request{}, who.token)->data.size();
  }
};

TEST_P(purge_test, all_of_a_user_goes_and_nothing_of_another) {
  const auto to = as_auth();
  const auto ada = make_owner("ada"), bob = make_owner("bob");
  const auto deleted = [&](const auto& service, auto request) {
    request.user = ada.id;
    const auto purged = ask_service(service, request);
    EXPECT_TRUE(purged) << purged.error().message;
    return purged ? purged->deleted : 0;
  };
  EXPECT_EQ(deleted(to.retrieval, purge_documents_request{}), 2u);
  EXPECT_EQ(deleted(to.prompt, purge_conversations_request{}), 1u);
  EXPECT_EQ(deleted(to.log, purge_logs_request{}), 2u);
  EXPECT_EQ(documents(ada), 0u);
  EXPECT_EQ(found(ada), 0u);
  EXPECT_EQ(records(ada), 0u);
  EXPECT_EQ(go_on(ada), errc::not_found);
  EXPECT_TRUE(eventually([&] { return records(ada) == 1; })) << "of the chat just now";
  EXPECT_EQ(documents(bob), 2u);
  EXPECT_EQ(found(bob), 1u);
  EXPECT_EQ(records(bob), 2u);
  EXPECT_EQ(go_on(bob), errc{});
  EXPECT_EQ(deleted(to.retrieval, purge_documents_request{}), 0u) << "it may be repeated";
  EXPECT_EQ(deleted(to.prompt, purge_conversations_request{}), 0u);
  EXPECT_EQ(deleted(to.log, purge_logs_request{}), 1u);
}

TEST_P(purge_test, a_chat_that_runs_on_ends_well_and_leaves_nothing_behind) {
  const auto to = as_auth();
  const auto ada = make_owner("ada");
  collector got;
  auto c = context();
  c.credential = ada.token;
  const auto control = gates_->chats().chat(c, turn("far"), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  const auto chunk =
      json_text{R"({"choices":[{"index":0,"delta":{"content":"krill"},"finish_reason":"stop"}]})"};
  provider_->last()->sink.chunk(chunk);
  ASSERT_TRUE(got.wait([&] { return !got.deltas.empty(); }));
  EXPECT_EQ(ask_service(to.prompt, purge_conversations_request{ada.id})->deleted, 2u);
  EXPECT_EQ(ask_service(to.log, purge_logs_request{ada.id})->deleted, 2u);
  provider_->last()->sink.end(json_text{});
  ASSERT_TRUE(got.wait_end());
  ASSERT_TRUE(*got.end) << got.end->error().message;
  EXPECT_EQ(got.deltas.back().event, "done");
  EXPECT_EQ(ask_service(to.prompt, purge_conversations_request{ada.id})->deleted, 0u);
  EXPECT_TRUE(eventually([&] { return *keeper_.unacknowledged == 0; }));
  EXPECT_EQ(records(ada), 0u);
}

TEST_P(purge_test, an_edge_cannot_ask_for_it) {
  if (GetParam() == shape::near) GTEST_SKIP() << "near, the router's type has no such request";
  const auto router = caf::actor_cast<any_service::actor>(router_);
  const auto refused = [&](auto request) {
    request.user = "anyone";
    const auto r = ask_service(router, request);
    return !r && r.error().code == errc::not_found;
  };
  EXPECT_TRUE(refused(purge_documents_request{}));
  EXPECT_TRUE(refused(purge_conversations_request{}));
  EXPECT_TRUE(refused(purge_logs_request{}));
}

INSTANTIATE_TEST_SUITE_P(shapes, purge_test, testing::Values(shape::near, shape::far),
                         [](const auto& which) {
                           return which.param == shape::near ? "near" : "far";
                         });

INSTANTIATE_TEST_SUITE_P(shapes, services_test, testing::Values(shape::near, shape::far),
                         [](const auto& which) {
                           return which.param == shape::near ? "near" : "far";
                         });

} // namespace
} // namespace troupe
