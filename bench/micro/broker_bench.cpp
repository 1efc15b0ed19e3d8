// What a message costs inside the backbone, without sockets: the header to bytes and back, the
// broker's steps for a whole request (REQUEST and FINAL), a delegated one and a PARTIAL, and a
// node's for a request that it asks, one that it serves, and a PARTIAL that it sends. The broker's
// steps also with its flight recorder on, as it runs.
#include "broker/broker_state.hpp"
#include "broker/flight_recorder.hpp"
#include "broker/node_state.hpp"
#include "messages/codec/msgpack.hpp"

#include <benchmark/benchmark.h>
#include <memory>

namespace {

using namespace troupe;
using namespace troupe::wire;

envelope request_header(std::uint64_t n) {
  envelope e;
  e.type = frame::request;
  e.mid = e.cid = {7, n};
  e.svc = "prompt.chat/v1";
  e.ttl_ms = 60'000;
  e.request_id = "req_0123456789abcdef";
  e.credential = "tr-0123456789abcdef0123456789abcdef0123456789a";
  return e;
}

void encode_header(benchmark::State& state) {
  const auto e = request_header(1);
  std::string bytes;
  for (auto _ : state) {
    encode(e, bytes);
    benchmark::DoNotOptimize(bytes.data());
  }
}
BENCHMARK(encode_header);

void decode_header(benchmark::State& state) {
  const auto bytes = encode(request_header(1));
  for (auto _ : state) benchmark::DoNotOptimize(decode(bytes));
}
BENCHMARK(decode_header);

struct cluster {
  broker_state broker{99};
  std::vector<frame_to_send> out;
  instant now = std::chrono::steady_clock::now();
  std::unique_ptr<flight_recorder> recorder;
  std::uint64_t numbered = 0;

  explicit cluster(int workers, bool is_recorded = false) {
    if (is_recorded) recorder = std::make_unique<flight_recorder>();
    join("edge", 7, "edge", {});
    join("router", 8, "router", "router");
    for (int n = 0; n < workers; ++n)
      join("prompt" + std::to_string(n), 100u + n, "prompt", "prompt");
  }
  void join(const peer_id& name, std::uint64_t incarnation, const std::string& role,
            const std::string& service) {
    envelope e;
    e.type = frame::hello;
    give(name, e, make_body(encode(hello_body{name, incarnation, 1, {role}, 1, 1})));
    if (service.empty()) return;
    e.type = frame::registration;
    e.svc = service;
    give(name, e, make_body(encode(capacity_body{1000})));
  }
  void give(const peer_id& from, envelope e, body_ptr body) {
    out.clear();
    e.mid.counter = ++numbered | 1ull << 63;
    broker_input in = frame_received{from, std::move(e), std::move(body)};
    if (recorder) recorder->took(now, in);
    broker.step(now, std::move(in), out);
    if (!recorder) return;
    for (const auto& f : out) recorder->sent(now, f);
  }
  void end(const peer_id& from, call_id cid, frame type) {
    envelope e;
    e.type = type;
    e.cid = cid;
    give(from, std::move(e), {});
  }
};

void step_request_and_answer(benchmark::State& state) {
  cluster c(static_cast<int>(state.range(0)), state.range(1) != 0);
  std::uint64_t n = 0;
  for (auto _ : state) {
    auto e = request_header(++n);
    e.mid.incarnation = e.cid.incarnation = 8;
    c.give("router", std::move(e), {});
    const auto worker = c.out.front().to;
    c.end(worker, {8, n}, frame::final);
  }
}
BENCHMARK(step_request_and_answer)
    ->ArgNames({"workers", "recorded"})
    ->ArgsProduct({{1, 100, 1000}, {0, 1}});

void step_delegated_request(benchmark::State& state) {
  cluster c(1);
  std::uint64_t n = 0;
  for (auto _ : state) {
    c.give("edge", request_header(++n), {});
    auto e = request_header(n);
    e.flags = delegated;
    c.give("router", std::move(e), {});
    c.end("prompt0", {7, n}, frame::final);
  }
}
BENCHMARK(step_delegated_request);

void step_partial(benchmark::State& state) {
  cluster c(1, state.range(0) != 0);
  auto e = request_header(1);
  e.mid.incarnation = e.cid.incarnation = 8;
  c.give("router", std::move(e), {});
  for (auto _ : state) c.end("prompt0", {8, 1}, frame::partial);
}
BENCHMARK(step_partial)->ArgName("recorded")->Arg(0)->Arg(1);

/// What STATS costs, which holds the broker for so long, five times a second at most.
void view_of_a_full_broker(benchmark::State& state) {
  cluster c(static_cast<int>(state.range(0)));
  for (std::int64_t n = 1; n <= state.range(1); ++n) {
    auto e = request_header(static_cast<std::uint64_t>(n));
    e.mid.incarnation = e.cid.incarnation = 8;
    c.give("router", std::move(e), {});
  }
  std::size_t bytes = 0;
  for (auto _ : state) {
    const auto packed = msgpack_codec::encode(c.broker.view());
    bytes = packed.size();
    benchmark::DoNotOptimize(packed.data());
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(view_of_a_full_broker)
    ->ArgNames({"workers", "calls"})
    ->Args({10, 1000})
    ->Args({1000, 10'000})
    ->Args({1000, 200'000})
    ->Unit(benchmark::kMicrosecond);

struct linked_node {
  node_state state{{"n", 7, 8, {"prompt"}, {}}};
  std::vector<node_output> out;
  instant now = std::chrono::steady_clock::now();

  linked_node() {
    give(link_up{1, "tcp://127.0.0.1:7700"});
    hear(frame::welcome, {}, {});
  }
  void give(node_input in) {
    out.clear();
    state.step(now, std::move(in), out);
    now += std::chrono::microseconds(20); // 50,000 steps a second
  }
  void hear(frame type, call_id cid, std::string body, std::uint8_t flags = 0) {
    auto e = request_header(cid.counter);
    e.type = type;
    e.flags = flags;
    e.cid = cid;
    e.mid.incarnation = 9;
    give(broker_frame{1, std::move(e), std::move(body)});
  }
};

const std::string body(300, 'x');

void node_asks(benchmark::State& state) {
  linked_node n;
  for (std::uint64_t count = 1; auto _ : state) {
    bus_request r;
    r.method = "prompt.chat/v1";
    r.cid = {7, ++count};
    r.deadline = n.now + std::chrono::seconds(60);
    r.credential = "tr-0123456789abcdef0123456789abcdef0123456789a";
    r.request_id = "req_0123456789abcdef";
    r.body = body;
    n.give(std::move(r));
    n.hear(frame::final, {7, count}, body);
  }
}
BENCHMARK(node_asks);

void node_serves(benchmark::State& state) {
  linked_node n;
  const auto flags = static_cast<std::uint8_t>(state.range(0));
  for (std::uint64_t count = 1; auto _ : state) {
    n.hear(frame::request, {50, ++count}, body, flags);
    if ((flags & on_start) != 0) n.hear(frame::start, {50, count}, {});
    n.give(send_final{{50, count}, body});
  }
}
BENCHMARK(node_serves)->ArgName("flags")->Arg(0)->Arg(idempotent)->Arg(on_start);

void node_streams(benchmark::State& state) {
  linked_node n;
  n.hear(frame::request, {50, 1}, body);
  for (std::uint64_t seq = 0; auto _ : state) {
    n.give(send_partial{{50, 1}, ++seq, body});
    if (seq % 16 == 0) n.hear(frame::window, {50, 1}, encode(window_body{seq, seq, seq, false}));
  }
}
BENCHMARK(node_streams);

} // namespace
