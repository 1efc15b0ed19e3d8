#include "runtime/node.hpp"

#include "actors/bridge/bus_client.hpp"
#include "actors/bridge/bus_server.hpp"
#include "actors/bridge/bus_topology.hpp"
#include "actors/bridge/offered_services.hpp"
#include "actors/edge/edge_gates.hpp"
#include "actors/routing/router_actor.hpp"
#include "actors/supervision/own_topology.hpp"
#include "actors/supervision/pulse.hpp"
#include "actors/support/run_here.hpp"
#include "adapters/http/http_edge.hpp"
#include "broker/flight_recorder.hpp"
#include "broker/zmq_bus.hpp"
#include "messages/base/log.hpp"
#include "runtime/allow_list_watch.hpp"
#include "runtime/bus_keys.hpp"
#include "runtime/crash_dump.hpp"
#include "runtime/io_thread.hpp"
#include "runtime/late_bus.hpp"
#include "runtime/lock_file.hpp"
#include "runtime/services.hpp"
#include "runtime/version.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <caf/actor_system_config.hpp>
#include <filesystem>
#include <future>
#include <optional>

namespace troupe {
namespace {

caf::actor_system_config actor_settings(const config& in) {
  caf::actor_system_config cfg;
  // Measured: `sharing` wakes an idle actor in 10 µs, the default `stealing` in 70 µs.
  cfg.set("scheduler.policy", caf::atom_value{caf::atom("sharing")});
  cfg.set("scheduler.max-threads", static_cast<std::size_t>(in.actors.threads));
  cfg.set("scheduler.max-throughput", std::size_t{50});
  return cfg;
}

constexpr auto leave_grace = std::chrono::milliseconds(400);
/// What peers that were cut at the end of their drain still have to say: errors, usage records.
constexpr auto last_words = std::chrono::seconds(3);

/// One thread that stays awake is enough for a machine: among several processes it is the broker's.
std::chrono::microseconds spin_of_loop(const config& in) {
  return std::chrono::microseconds(is_single_process(in) ? in.loop.spin_us : 0);
}

/// For logs and for whoever looks at the cluster.
std::string name_of(const config& in) {
  std::string out;
  for (const auto& role : in.roles) out += (out.empty() ? "" : "+") + role;
  return out;
}

bool is_edge(const config& in) {
  return has_role(in, "edge");
}

class node_impl final : public node {
public:
  explicit node_impl(const config& in)
      : in_(in), loop_(spin_of_loop(in)), settings_(actor_settings(in)), system_(settings_) {}
  ~node_impl() override;

  result<void> start() {
    return first_error({&node_impl::take_locks, &node_impl::read_keys,
                        &node_impl::start_broker_role, &node_impl::open_services,
                        &node_impl::link_and_spawn, &node_impl::listen});
  }

  bool serving() const override { return !link_ || link_->linked(); }
  std::string address() const override;
  void begin_serving() override {
    if (http_) http_->set_ready(true);
  }
  bool begin_leaving() override;
  void begin_drain() override;
  bool idle() const override;
  void end_running() override;
  bool flushed() const override { return !services_ || services_->unlogged() == 0; }

private:
  using step = result<void> (node_impl::*)();
  result<void> first_error(std::initializer_list<step> steps) {
    for (const auto s : steps)
      if (auto r = (this->*s)(); !r) return r;
    return {};
  }

  result<void> take_locks();
  result<void> read_keys();
  result<void> start_recorder();
  result<void> start_broker_role();
  result<void> open_services();
  result<void> link_and_spawn();
  result<void> listen();

  [[nodiscard]] bool is_needed_by_others() const;
  [[nodiscard]] bool may_leave() const;
  void spawn_clients();
  void spawn_services();
  void spawn_router_role();
  [[nodiscard]] std::shared_ptr<topology_source> look_at_all();
  [[nodiscard]] std::vector<own_service> near_services() const;
  result<void> connect();
  void watch_actors();
  template <class Handle>
  void keep(const Handle& actor) {
    actors_.push_back(caf::actor_cast<caf::actor>(actor));
  }

  config in_;
  io_thread loop_; // of the edge, the bus and the provider: they hand over without waking a thread
  std::vector<lock_file> locks_;
  bus_keys keys_;
  std::shared_ptr<wire::flight_recorder> recorder_;
  std::optional<crash_dump> dump_; // of the recorder's memory
  std::unique_ptr<broker_node> broker_;
  std::optional<allow_list_watch> allow_list_;
  std::unique_ptr<role_services> services_; // outlives the actors that use its stores
  caf::actor_system_config settings_;
  caf::actor_system system_;
  std::shared_ptr<late_bus> link_;
  std::vector<bus_client> clients_;
  std::optional<bus_server> server_;
  std::optional<pulse> pulse_;
  service_handles near_, far_, handles_;
  router_service::actor near_router_, router_;
  std::vector<caf::actor> actors_;
  std::unique_ptr<edge_gates> gates_;
  std::unique_ptr<http_edge> http_;
  std::chrono::steady_clock::time_point drain_began_{};
};

node_impl::~node_impl() {
  if (http_) http_->stop();
  http_.reset();
  gates_.reset();
  if (link_) link_->stop();
  pulse_.reset();
  for (auto& a : actors_) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  actors_.clear();
  clients_.clear();
  server_.reset();
  near_ = far_ = handles_ = {};
  near_router_ = router_ = nullptr;
  if (broker_) broker_->drain(in_.drain.timeout + last_words);
  system_.await_all_actors_done();
  // The loop's thread may still be leaving the last actor that it ran: the system's clock, which it
  // then asks, must outlive that.
  std::promise<void> left;
  boost::asio::post(loop_.context(), [&left] { left.set_value(); });
  left.get_future().wait();
}

result<void> node_impl::take_locks() {
  for (const std::string_view role : {"auth", "prompt", "log"}) {
    if (!has_role(in_, role) || (role == "auth" && has_sql_server(in_))) continue;
    if (role == "prompt" && !has_retrieval(in_)) continue; // it is retrieval's
    auto lock = lock_file::take(role_lock_file(in_, role), "role " + std::string(role));
    if (!lock) return std::unexpected(std::move(lock.error()));
    locks_.push_back(std::move(*lock));
  }
  return {};
}

result<void> node_impl::read_keys() {
  if (is_single_process(in_)) return {};
  auto keys = read_bus_keys(in_);
  if (!keys) return std::unexpected(std::move(keys.error()));
  keys_ = std::move(*keys);
  return {};
}

/// Without a folder for it nothing is recorded, unless the settings name a file.
result<void> node_impl::start_recorder() {
  std::filesystem::path file = in_.flight.recorder;
  if (file == "off") return {};
  if (file.empty()) {
    if (!std::filesystem::is_directory(in_.data.dir)) return {};
    file = std::filesystem::path(in_.data.dir) / ("flight-" + name_of(in_) + ".bin");
  }
  recorder_ = std::make_shared<wire::flight_recorder>();
  auto dump = crash_dump::begin(file, recorder_->image());
  if (!dump && in_.flight.recorder.empty()) {
    log::warn("flight.off", {{"why", dump.error().message}});
    recorder_.reset();
    return {};
  }
  if (!dump)
    return fail(errc::invalid_argument, "flight.recorder: " + dump.error().message,
                "flight.recorder");
  dump_.emplace(std::move(*dump));
  log::info("flight.records", {{"file", file.string()}});
  return {};
}

result<void> node_impl::start_broker_role() {
  if (is_single_process(in_) || !has_role(in_, "broker")) return {};
  std::optional<allow_list_file> allowed;
  broker_config settings;
  settings.name = name_of(in_);
  settings.bind = in_.bus.bind;
  settings.spin = std::chrono::microseconds(in_.loop.spin_us);
  settings.key = keys_.own;
  if (!in_.bus.allow.empty()) {
    auto loaded = allow_list_file::load(in_.bus.allow);
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    settings.access = loaded->table();
    allowed = std::move(*loaded);
  }
  if (auto started = start_recorder(); !started) return started;
  settings.recorder = recorder_;
  std::string why;
  broker_ = start_broker(settings, why);
  if (!broker_) return fail(errc::unavailable, std::move(why), "bus.bind");
  if (allowed)
    allow_list_.emplace(loop_.context(), std::move(*allowed),
                        [this](access_pointer table) { broker_->set_access(std::move(table)); });
  return {};
}

result<void> node_impl::open_services() {
  auto opened = role_services::open(in_, loop_.context());
  if (!opened) return std::unexpected(std::move(opened.error()));
  services_ = std::move(*opened);
  return {};
}

result<void> node_impl::link_and_spawn() {
  const auto brokers = broker_links(in_);
  const bool has_work = in_.roles.size() > 1 || !has_role(in_, "broker") || is_single_process(in_);
  if (!brokers.empty() && has_work) {
    link_ = std::make_shared<late_bus>();
    spawn_clients();
  }
  spawn_services();
  spawn_router_role();
  return link_ ? connect() : result<void>();
}

/// Far services stand behind bridges until a near one takes the place.
void node_impl::spawn_clients() {
  for (const auto target : {bus_target::service, bus_target::router}) {
    clients_.push_back(spawn_bus_client(system_, link_, target));
    keep(clients_.back().actor);
  }
  const auto& far = clients_.front().actor;
  handles_.auth = caf::actor_cast<auth_service::actor>(far);
  handles_.keys = caf::actor_cast<key_service::actor>(far);
  handles_.accounts = caf::actor_cast<account_service::actor>(far);
  handles_.limits = caf::actor_cast<limit_service::actor>(far);
  handles_.prompt = caf::actor_cast<prompt_service::actor>(far);
  handles_.retrieval = caf::actor_cast<retrieval_service::actor>(far);
  handles_.log = caf::actor_cast<log_service::actor>(far);
  far_ = handles_;
  router_ = caf::actor_cast<router_service::actor>(clients_.back().actor);
}

void node_impl::spawn_services() {
  if (has_role(in_, "log")) {
    near_.log = handles_.log = services_->spawn_log(system_);
    keep(near_.log);
  }
  if (handles_.log) keep(services_->spawn_record_keeper(system_, handles_.log));
  if (has_role(in_, "auth")) {
    near_.auth = handles_.auth = services_->spawn_auth(system_);
    keep(near_.auth);
    near_.keys = handles_.keys = services_->spawn_keys(system_);
    keep(near_.keys);
    near_.limits = handles_.limits = services_->spawn_limits(system_, far_.limits);
    keep(near_.limits);
  }
  if (has_role(in_, "prompt")) {
    if (has_retrieval(in_)) {
      near_.retrieval = handles_.retrieval = services_->spawn_retrieval(system_);
      keep(near_.retrieval);
    }
    near_.prompt = handles_.prompt = services_->spawn_prompt(system_, handles_, far_.prompt);
    keep(near_.prompt);
  }
  if (has_role(in_, "auth")) {
    near_.accounts = handles_.accounts = services_->spawn_accounts(system_, handles_);
    keep(near_.accounts);
  }
}

void node_impl::spawn_router_role() {
  if (!has_role(in_, "router")) return;
  near_router_ = router_ = spawn_router(system_, handles_, look_at_all());
  keep(near_router_);
}

std::shared_ptr<topology_source> node_impl::look_at_all() {
  if (link_) return make_bus_topology(link_);
  const auto streams = [activity = services_->activity()] { return activity->running.load(); };
  return make_own_topology(system_, {name_of(in_), in_.roles, near_services(), streams});
}

/// What others may ask for, but for the router.
std::vector<own_service> node_impl::near_services() const {
  std::vector<own_service> out;
  const auto add = [&](const char* name, const auto& service) {
    if (!service) return;
    out.push_back({name, caf::actor_cast<caf::actor>(service),
                   [service](self_task task) { post_to(service, std::move(task)); }});
  };
  add("auth", near_.auth), add("keys", near_.keys), add("accounts", near_.accounts);
  add("limits", near_.limits), add("prompt", near_.prompt), add("retrieval", near_.retrieval);
  add("log", near_.log);
  return out;
}

result<void> node_impl::connect() {
  const served_services served{near_router_, near_.auth,   near_.keys,      near_.accounts,
                               near_.limits, near_.prompt, near_.retrieval, near_.log};
  server_ = spawn_bus_server(system_, link_, served);
  actors_.push_back(server_->actor);
  bus_config settings;
  settings.loop = &loop_.context();
  settings.join = broker_links(in_);
  settings.roles = in_.roles;
  settings.key = keys_.own;
  settings.broker_keys = keys_.brokers;
  settings.services = offered_services(served, limits::upstream_calls);
  watch_actors();
  settings.stuck = pulse_->stuck();
  settings.node_name = name_of(in_);
  bus_handlers handlers;
  handlers.answer = [clients = clients_](const bus_answer& in) {
    for (const auto& c : clients) c.answers(in);
  };
  handlers.work = server_->work;
  handlers.link = [](bool up) { log::info(up ? "bus.up" : "bus.down"); };
  link_->set(make_zmq_bus(std::move(settings), std::move(handlers)));
  return {};
}

/// Brokers hear with each heartbeat whether all that others may ask for is being run.
void node_impl::watch_actors() {
  std::vector<pulse::post> all;
  if (near_router_)
    all.emplace_back([to = near_router_](self_task beat) { post_to(to, std::move(beat)); });
  for (auto& s : near_services()) all.push_back(std::move(s.post));
  pulse_.emplace(system_, std::move(all));
}

result<void> node_impl::listen() {
  if (!wants_http(in_)) return {};
  const auto at = http_endpoint(in_);
  http_config settings;
  settings.loop = &loop_.context();
  settings.address = at.address;
  settings.port = at.port;
  settings.threads = in_.http.threads;
  settings.body_bytes = in_.http.body_bytes;
  settings.held_bytes = in_.http.held_bytes;
  settings.version = version;
  settings.connections_max = in_.http.connections_max;
  settings.connections_per_address = in_.http.connections_per_address;
  settings.requests_per_caller = in_.http.requests_per_caller;
  settings.trusted_proxies = in_.http.trusted_proxies;
  settings.cors_origins = in_.http.cors_origins;
  settings.tls_certificate = in_.http.tls_certificate;
  settings.tls_key = in_.http.tls_key;
  http_gates gates{};
  if (is_edge(in_)) {
    gates_ = make_edge_gates(system_, router_, {signup_is_open(in_)});
    gates = {&gates_->accounts(), &gates_->chats(),   &gates_->documents(),
             &gates_->logs(),     &gates_->cluster(), &gates_->health()};
  } else {
    // Health only: a router of its own that knows just what is near.
    const auto own = spawn_router(system_, near_);
    keep(own);
    gates_ = make_edge_gates(system_, own);
    gates.health = &gates_->health();
  }
  auto made = make_http_edge(settings, gates);
  if (!made) return std::unexpected(std::move(made.error()));
  http_ = std::move(*made);
  return {};
}

std::string node_impl::address() const {
  if (http_) {
    const auto at = http_endpoint(in_);
    const bool six = at.address.find(':') != std::string::npos;
    const std::string scheme = in_.http.tls_certificate.empty() ? "http://" : "https://";
    return scheme + (six ? '[' + at.address + ']' : at.address) + ':' +
           std::to_string(http_->port());
  }
  return broker_ ? broker_->address() : "joined";
}

bool node_impl::begin_leaving() {
  if (!http_ || !is_edge(in_)) return false;
  http_->begin_leaving();
  return true;
}

void node_impl::begin_drain() {
  if (http_) {
    http_->set_ready(false);
    http_->stop_accepting();
  }
  drain_began_ = std::chrono::steady_clock::now();
  if (services_) services_->hand_over(false);
  // What others need to finish says nothing yet: it goes when they have gone.
  if (link_ && !is_needed_by_others()) link_->drain();
}

bool node_impl::is_needed_by_others() const {
  return link_ && (near_.log || near_.auth || near_router_);
}

/// Nodes that are told to end all at once: those that serve the others wait a moment for what is on
/// its way, and while the broker leaves as well until its goodbye.
bool node_impl::may_leave() const {
  if (!is_needed_by_others() || !link_->linked()) return true;
  return !link_->broker_leaving() && std::chrono::steady_clock::now() > drain_began_ + leave_grace;
}

bool node_impl::idle() const {
  const bool has_work = !may_leave() || (http_ && !http_->idle()) ||
                        (services_ && services_->activity()->running != 0) ||
                        (server_ && *server_->running != 0);
  if (has_work || !services_) return !has_work;
  services_->hand_over(true);
  return services_->is_handed_over();
}

void node_impl::end_running() {
  const auto why = make_error(errc::draining, "the server is shutting down");
  if (http_) http_->end_streams(why);
  if (near_.prompt) caf::anon_send(near_.prompt, stream_signal{{}, "prompt", true, 0, 0, 0});
  if (server_) server_->end_running(why);
}

} // namespace

result<std::unique_ptr<node>> start_node(const config& in) {
  auto made = std::make_unique<node_impl>(in);
  if (auto r = made->start(); !r) return std::unexpected(std::move(r.error()));
  return made;
}

} // namespace troupe
