// Brokered requests beside a bare relay, in one run: `bus_bench` prints round trips with one in
// flight and throughput with 32 and 256, for a bare DEALER-ROUTER-DEALER relay of the same frames
// and for two nodes that talk over a broker. All on tcp loopback, 128-byte bodies, alternated;
// medians of the rounds. `bus_bench <seconds of one measurement> <rounds>`.
#include "broker/zmq_bus.hpp"

#include <zmq.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
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

/// ROUTER that hands every message of one peer to the other; each peer first says which it is.
class bare_relay {
public:
  bare_relay() : router_(context_, zmq::socket_type::router) {
    router_.set(zmq::sockopt::linger, 0);
    router_.bind("tcp://127.0.0.1:*");
    address_ = router_.get(zmq::sockopt::last_endpoint);
    relay_ = std::thread([this] { relay(); });
    worker_ = std::thread([this] { work(); });
  }
  ~bare_relay() {
    client_say("stop", "");
    relay_.join();
    worker_.join();
  }

  /// Round trips in `span` with `window` of them in flight.
  double rate(duration<double> span, int window) {
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

/// Two nodes and a broker. With `router`, a third node delegates every request, as for a chat.
class brokered {
public:
  explicit brokered(bool with_router) {
    std::string why;
    broker_ = start_broker({"tcp://127.0.0.1:0"}, why);
    if (!broker_) std::exit((std::fprintf(stderr, "%s\n", why.c_str()), 1));
    worker_ = make_node("prompt", {{"prompt", 1024}}, 11, [this](bus_work w) {
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
  ~brokered() {
    for (auto* b : {client_.get(), router_.get(), worker_.get()})
      if (b != nullptr) b->stop();
  }

  double rate(duration<double> span, int window) {
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
    r.method = "prompt.chat/v1";
    r.deadline = clock_type::now() + std::chrono::seconds(60);
    r.body = body;
    client_->request(std::move(r));
  }
  long wait() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return came_ > 0; });
    return std::exchange(came_, 0);
  }

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

} // namespace

int main(int argc, char** argv) {
  const duration<double> span(argc > 1 ? std::atof(argv[1]) : 1.0);
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  bare_relay bare;
  brokered direct(false), delegated(true);
  std::printf("%-10s %14s %14s %20s %8s\n", "in flight", "bare relay/s", "broker/s",
              "with delegation/s", "ratio");
  for (const int window : {1, 32, 256}) {
    std::array<std::vector<double>, 3> rates;
    for (int n = 0; n < rounds; ++n) {
      rates[0].push_back(bare.rate(span, window));
      rates[1].push_back(direct.rate(span, window));
      rates[2].push_back(delegated.rate(span, window));
    }
    const double base = median(rates[0]), brokers = median(rates[1]), three = median(rates[2]);
    std::printf("%-10d %14.0f %14.0f %20.0f %8.2f\n", window, base, brokers, three, brokers / base);
    if (window == 1)
      std::printf("%-10s %11.1f us %11.1f us %17.1f us\n", "  round trip", 1e6 / base,
                  1e6 / brokers, 1e6 / three);
  }
}
