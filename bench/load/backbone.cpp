// The backbone beside its yardsticks, in one run: a request of 128 bytes and its answer through a
// broker, on tcp loopback, plain and encrypted, at once (idempotent), as chats are asked (once) and
// with a router between; beside them libzmq's own REQ/REP, a bare DEALER-ROUTER-DEALER relay of the
// same frames, and a nats-server where there is one. Alternated; medians of the rounds. And what a
// request costs a broker that has a thousand workers.
#include "bench/load/nats_peer.hpp"
#include "broker/broker_state.hpp"
#include "broker/zmq/curve.hpp"
#include "broker/zmq_bus.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <zmq.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace troupe;
using clock_type = std::chrono::steady_clock;
using std::chrono::duration;

constexpr std::size_t body_bytes = 128;
constexpr std::size_t header_bytes = 70; ///< of a REQUEST; the bare relay carries as much

/// Anything that answers requests.
class subject {
public:
  virtual ~subject() = default;
  /// Round trips a second, for `span`, with `window` of them in flight.
  virtual double rate(duration<double> span, int window) = 0;
};

/// libzmq's REQ and REP: one in flight, whatever the window.
class req_rep final : public subject {
public:
  req_rep() : answers_(context_, zmq::socket_type::rep), asks_(context_, zmq::socket_type::req) {
    answers_.set(zmq::sockopt::linger, 0);
    asks_.set(zmq::sockopt::linger, 0);
    answers_.bind("tcp://127.0.0.1:*");
    asks_.connect(answers_.get(zmq::sockopt::last_endpoint));
    worker_ = std::thread([this] {
      zmq::message_t m;
      while (answers_.recv(m) && m.size() > 0) answers_.send(m, zmq::send_flags::none);
    });
  }
  ~req_rep() override {
    asks_.send(zmq::message_t(), zmq::send_flags::none);
    worker_.join();
  }
  double rate(duration<double> span, int) override {
    const std::string body(body_bytes, 'b');
    long done = 0;
    const auto began = clock_type::now();
    for (zmq::message_t m; clock_type::now() - began < span; ++done) {
      asks_.send(zmq::buffer(body), zmq::send_flags::none);
      (void)asks_.recv(m);
    }
    return static_cast<double>(done) / duration<double>(clock_type::now() - began).count();
  }

private:
  zmq::context_t context_;
  zmq::socket_t answers_, asks_;
  std::thread worker_;
};

/// A request and its reply over a nats-server.
class nats final : public subject {
public:
  explicit nats(std::uint16_t port) : asks_(port), answers_(port) {
    asks_.subscribe("back");
    answers_.subscribe("work");
    worker_ = std::thread([this] {
      try {
        for (;;) {
          const auto m = answers_.take();
          answers_.publish(m.reply_to, {}, m.payload);
        }
      } catch (const std::exception&) { // closed
      }
    });
  }
  ~nats() override {
    answers_.close();
    worker_.join();
  }
  double rate(duration<double> span, int window) override {
    const std::string body(body_bytes, 'b');
    long done = 0;
    const auto began = clock_type::now();
    for (int n = 0; n < window; ++n) asks_.publish("work", "back", body);
    for (; clock_type::now() - began < span; ++done) {
      (void)asks_.take();
      asks_.publish("work", "back", body);
    }
    for (int n = 0; n < window; ++n) (void)asks_.take();
    return static_cast<double>(done) / duration<double>(clock_type::now() - began).count();
  }

private:
  troupe::bench::nats_peer asks_, answers_;
  std::thread worker_;
};

/// ROUTER that hands every message of one peer to the other; each peer first says which it is.
class bare_relay final : public subject {
public:
  bare_relay() : router_(context_, zmq::socket_type::router) {
    router_.set(zmq::sockopt::linger, 0);
    router_.bind("tcp://127.0.0.1:*");
    address_ = router_.get(zmq::sockopt::last_endpoint);
    relay_ = std::thread([this] { relay(); });
    worker_ = std::thread([this] { work(); });
  }
  ~bare_relay() override {
    client_say("stop", "");
    relay_.join();
    worker_.join();
  }

  double rate(duration<double> span, int window) override {
    if (!client_) connect(client_ = zmq::socket_t(context_, zmq::socket_type::dealer), "client");
    const std::string header(header_bytes, 'h'), body(body_bytes, 'b');
    long done = 0;
    const auto began = clock_type::now();
    for (int n = 0; n < window; ++n) client_say(header, body);
    while (clock_type::now() - began < span) {
      zmq::message_t h, b;
      (void)client_.recv(h);
      (void)client_.recv(b);
      ++done;
      client_say(header, body);
    }
    for (int n = 0; n < window; ++n) {
      zmq::message_t h, b;
      (void)client_.recv(h);
      (void)client_.recv(b);
    }
    return static_cast<double>(done) / duration<double>(clock_type::now() - began).count();
  }

private:
  void connect(zmq::socket_t& s, const std::string& as) {
    s.set(zmq::sockopt::linger, 0);
    s.connect(address_);
    s.send(zmq::buffer(as), zmq::send_flags::sndmore);
    s.send(zmq::buffer(as));
    zmq::message_t m;
    (void)s.recv(m);
    (void)s.recv(m);
  }
  void client_say(const std::string& h, const std::string& b) {
    client_.send(zmq::buffer(h), zmq::send_flags::sndmore);
    client_.send(zmq::buffer(b));
  }
  void relay() {
    std::string client, worker;
    for (;;) {
      zmq::message_t from, h, b;
      (void)router_.recv(from);
      (void)router_.recv(h);
      (void)router_.recv(b);
      auto to = from.to_string() == client ? worker : client;
      if (h.to_string_view() == "client" || h.to_string_view() == "worker") {
        (h.to_string_view() == "client" ? client : worker) = from.to_string();
        to = from.to_string();
      }
      const bool is_end = h.to_string_view() == "stop";
      router_.send(zmq::buffer(to), zmq::send_flags::sndmore);
      router_.send(h, zmq::send_flags::sndmore);
      router_.send(b, zmq::send_flags::none);
      if (is_end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return;
      }
    }
  }
  void work() {
    zmq::socket_t s(context_, zmq::socket_type::dealer);
    connect(s, "worker");
    for (;;) {
      zmq::message_t h, b;
      (void)s.recv(h);
      (void)s.recv(b);
      if (h.to_string_view() == "stop") return;
      s.send(h, zmq::send_flags::sndmore);
      s.send(b, zmq::send_flags::none);
    }
  }

  zmq::context_t context_;
  zmq::socket_t router_, client_;
  std::string address_;
  std::thread relay_, worker_;
};

/// What of a request differs.
struct manner {
  bool is_once = false; ///< as chats are
  bool is_encrypted = false;
  bool has_router = false; ///< a third node delegates every request, as for a chat
};

/// Two nodes and a broker, each with a thread of its own.
class brokered final : public subject {
public:
  explicit brokered(manner how) : how_(how) {
    std::string why;
    broker_config config;
    config.bind = "tcp://127.0.0.1:0";
    if (how.is_encrypted) {
      keys_ = make_key_pair();
      config.key = keys_->secret_key;
      config.access = std::make_shared<access_table>(
          std::vector<access_rule>{{"all", {keys_->public_key}, {"*"}, {"*"}, {}, {}}});
    }
    broker_ = start_broker(config, why);
    if (!broker_) std::exit((std::fprintf(stderr, "%s\n", why.c_str()), 1));
    const bool with_router = how.has_router;
    worker_ =
        make_node("prompt", {{"prompt", 1024, {{method, !how.is_once}}}}, 11, [this](bus_work w) {
          if (auto* r = std::get_if<bus_request>(&w)) worker_->finish(r->cid, std::move(r->body));
        });
    if (with_router)
      router_ = make_node("router", {{"router", 1024}}, 12, [this](bus_work w) {
        if (auto* r = std::get_if<bus_request>(&w)) {
          r->delegated = true;
          router_->request(std::move(*r));
        }
      });
    client_ = make_node(with_router ? "edge" : "log", {}, 13, {});
    for (const auto* b : {worker_.get(), router_.get(), client_.get()})
      while (b != nullptr && !b->linked())
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ~brokered() override {
    for (auto* b : {client_.get(), router_.get(), worker_.get()})
      if (b != nullptr) b->stop();
  }

  double rate(duration<double> span, int window) override {
    const std::string body(body_bytes, 'b');
    long done = 0;
    const auto began = clock_type::now();
    for (int n = 0; n < window; ++n) ask(body);
    while (clock_type::now() - began < span) {
      const auto came = wait();
      done += came;
      for (long n = 0; n < came; ++n) ask(body);
    }
    for (long left = window; left > 0;) left -= wait();
    return static_cast<double>(done) / duration<double>(clock_type::now() - began).count();
  }

private:
  std::unique_ptr<bus> make_node(const std::string& role, std::vector<bus_service> services,
                                 std::uint64_t incarnation, std::function<void(bus_work)> work) {
    bus_config config;
    config.join = {broker_->address()};
    config.node_name = role;
    config.roles = {role};
    config.services = std::move(services);
    config.incarnation = incarnation;
    if (keys_) {
      config.key = keys_->secret_key;
      config.broker_keys = {keys_->public_key};
    }
    return make_zmq_bus(std::move(config), {[this](bus_answer a) {
                                              if (std::holds_alternative<bus_failed>(a))
                                                std::abort();
                                              {
                                                std::lock_guard lock(mutex_);
                                                ++came_;
                                              }
                                              wake_.notify_one();
                                            },
                                            work ? std::move(work) : [](bus_work) {}, [](bool) {}});
  }
  void ask(const std::string& body) {
    bus_request r;
    r.cid = {13, ++asked_};
    r.method = method;
    r.idempotent = !how_.is_once;
    r.deadline = clock_type::now() + std::chrono::seconds(60);
    r.body = body;
    client_->request(std::move(r));
  }
  long wait() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return came_ > 0; });
    return std::exchange(came_, 0);
  }

  static constexpr const char* method = "prompt.chat/v1";

  const manner how_;
  std::optional<key_pair> keys_;
  std::mutex mutex_;
  std::condition_variable wake_;
  long came_ = 0;
  std::uint64_t asked_ = 0;
  std::unique_ptr<broker_node> broker_;
  std::unique_ptr<bus> worker_, router_, client_;
};

double median(std::vector<double> v) {
  std::ranges::sort(v);
  return v[v.size() / 2];
}

/// Microseconds of a broker's own work for a request and its answer, with so many workers.
double step_cost(int workers) {
  using namespace wire;
  broker_state broker(99);
  std::vector<frame_to_send> out;
  auto now = clock_type::now();
  std::uint64_t numbered = 0;
  const auto give = [&](const peer_id& from, envelope e, body_ptr body) {
    out.clear();
    e.mid.counter = ++numbered | 1ull << 63;
    broker.step(now, frame_received{from, std::move(e), std::move(body)}, out);
  };
  const auto join = [&](const peer_id& name, std::uint64_t incarnation, const char* role) {
    envelope e;
    e.type = frame::hello;
    give(name, e, make_body(encode(hello_body{name, incarnation, 1, {role}, 1, 1})));
  };
  join("log", 7, "log");
  for (int n = 0; n < workers; ++n) {
    const auto name = "prompt" + std::to_string(n);
    join(name, 100u + static_cast<unsigned>(n), "prompt");
    envelope e;
    e.type = frame::registration;
    e.svc = "prompt";
    give(name, e, make_body(encode(capacity_body{16})));
  }
  constexpr std::uint64_t requests = 200'000;
  const auto began = clock_type::now();
  for (std::uint64_t n = 1; n <= requests; ++n) {
    envelope e;
    e.type = frame::request;
    e.cid = {7, n};
    e.svc = "prompt.models/v1";
    e.flags = idempotent;
    give("log", e, {});
    const auto worker = out.front().to;
    e.type = frame::final;
    give(worker, std::move(e), {});
  }
  return duration<double, std::micro>(clock_type::now() - began).count() / requests;
}

struct target {
  const char* what;
  double value, bound;
  bool at_most;
  [[nodiscard]] bool is_met() const { return at_most ? value <= bound : value >= bound; }
};

using named_subject = std::pair<const char*, std::unique_ptr<subject>>;

constexpr const char *req_rep_name = "REQ/REP", *relay_name = "bare relay", *broker_name = "broker",
                     *curve_name = "broker, CURVE";
constexpr std::array windows{1, 32, 256};

struct figures {
  std::vector<const char*> names;
  std::map<std::pair<std::string, int>, double> rate; ///< by subject and window
  double step_with_1 = 0, step_with_1000 = 0;         ///< microseconds

  [[nodiscard]] double of(const char* name, int window) const { return rate.at({name, window}); }
  [[nodiscard]] double ratio(const char* name, const char* to, int window) const {
    return of(name, window) / of(to, window);
  }
};

std::vector<named_subject> all_subjects(std::uint16_t nats_port) {
  std::vector<named_subject> out;
  out.emplace_back(req_rep_name, std::make_unique<req_rep>());
  out.emplace_back(relay_name, std::make_unique<bare_relay>());
  out.emplace_back(broker_name, std::make_unique<brokered>(manner{}));
  out.emplace_back("broker, once", std::make_unique<brokered>(manner{.is_once = true}));
  out.emplace_back(curve_name, std::make_unique<brokered>(manner{.is_encrypted = true}));
  out.emplace_back("broker, router", std::make_unique<brokered>(manner{.has_router = true}));
  if (nats_port != 0) out.emplace_back("nats-server", std::make_unique<nats>(nats_port));
  return out;
}

figures measure(const std::vector<named_subject>& subjects, duration<double> span, int rounds) {
  figures out;
  for (const auto& [name, of] : subjects) out.names.push_back(name);
  for (const int window : windows) {
    std::map<std::string, std::vector<double>> all;
    for (int n = 0; n < rounds; ++n)
      for (const auto& [name, of] : subjects)
        if (window == 1 || name != req_rep_name) all[name].push_back(of->rate(span, window));
    for (auto& [name, rates] : all) out.rate[{name, window}] = median(std::move(rates));
  }
  out.step_with_1 = step_cost(1);
  out.step_with_1000 = step_cost(1000);
  return out;
}

std::vector<target> targets_of(const figures& f) {
  return {{"round trip through a broker, of REQ/REP's", f.ratio(req_rep_name, broker_name, 1), 3.5,
           true},
          {"requests/s with 32 in flight, of the bare relay's",
           f.ratio(broker_name, relay_name, 32), 0.5, false},
          {"requests/s with 256 in flight, of the bare relay's",
           f.ratio(broker_name, relay_name, 256), 0.5, false},
          {"requests/s encrypted, of plain, with 32 in flight",
           f.ratio(curve_name, broker_name, 32), 0.5, false},
          {"a broker's own work with 1,000 workers, of that with 1",
           f.step_with_1000 / f.step_with_1, 1.5, true}};
}

void show(const figures& f, const std::vector<target>& targets) {
  std::printf("%-16s %14s %14s %14s %14s\n", "128 bytes", "round trip us", "1 in flight/s",
              "32 in flight/s", "256 in flight/s");
  for (const auto* name : f.names) {
    std::printf("%-16s %14.1f", name, 1e6 / f.of(name, 1));
    for (const int window : windows)
      if (const auto at = f.rate.find({name, window}); at != f.rate.end())
        std::printf(" %14.0f", at->second);
    std::printf("\n");
  }
  std::printf("a broker's own work for a request: %.2f us with 1 worker, %.2f us with 1,000\n",
              f.step_with_1, f.step_with_1000);
  for (const auto& t : targets)
    std::printf("%s  %s: %.2f (at %s %.1f)\n", t.is_met() ? "PASS" : "FAIL", t.what, t.value,
                t.at_most ? "most" : "least", t.bound);
}

void show_json(const figures& f, const std::vector<target>& targets) {
  boost::json::array rates, met;
  for (const auto& [key, value] : f.rate)
    rates.push_back({{"subject", key.first}, {"in_flight", key.second}, {"per_second", value}});
  for (const auto& t : targets)
    met.push_back(
        {{"target", t.what}, {"value", t.value}, {"bound", t.bound}, {"met", t.is_met()}});
  const boost::json::value all{{"rates", std::move(rates)},
                               {"step_us", {{"1", f.step_with_1}, {"1000", f.step_with_1000}}},
                               {"targets", std::move(met)}};
  std::puts(boost::json::serialize(all).c_str());
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("The backbone beside REQ/REP, a bare relay and NATS, in one run.");
  double seconds = 1;
  int rounds = 5;
  std::uint16_t nats_port = 0;
  bool is_json = false;
  app.add_option("--seconds", seconds, "of one measurement")->check(CLI::Range(0.05, 60.0));
  app.add_option("--rounds", rounds, "of which the median counts")->check(CLI::Range(1, 100));
  app.add_option("--nats", nats_port, "port of a nats-server on 127.0.0.1");
  app.add_flag("--json", is_json, "one JSON text");
  app.footer("Example: bench/load/backbone --rounds 5   (which starts a nats-server by itself)");
  CLI11_PARSE(app, argc, argv);
  const auto subjects = all_subjects(nats_port);
  const auto found = measure(subjects, duration<double>(seconds), rounds);
  const auto targets = targets_of(found);
  is_json ? show_json(found, targets) : show(found, targets);
  return std::ranges::all_of(targets, &target::is_met) ? 0 : 1;
}
