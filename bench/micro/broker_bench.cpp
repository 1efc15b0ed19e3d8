// What a message costs inside the backbone, without sockets: the header to bytes and back, and the
// broker's steps for a whole request (REQUEST and FINAL), a delegated one and a PARTIAL.
#include "broker/broker_state.hpp"

#include <benchmark/benchmark.h>

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

  explicit cluster(int workers) {
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
    broker.step(now, frame_received{from, std::move(e), std::move(body)}, out);
  }
  void end(const peer_id& from, call_id cid, frame type) {
    envelope e;
    e.type = type;
    e.cid = cid;
    give(from, std::move(e), {});
  }
};

void step_request_and_answer(benchmark::State& state) {
  cluster c(static_cast<int>(state.range(0)));
  std::uint64_t n = 0;
  for (auto _ : state) {
    auto e = request_header(++n);
    e.mid.incarnation = e.cid.incarnation = 8;
    c.give("router", std::move(e), {});
    const auto worker = c.out.front().to;
    c.end(worker, {8, n}, frame::final);
  }
}
BENCHMARK(step_request_and_answer)->Arg(1)->Arg(10)->Arg(100);

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
  cluster c(1);
  auto e = request_header(1);
  e.mid.incarnation = e.cid.incarnation = 8;
  c.give("router", std::move(e), {});
  for (auto _ : state) c.end("prompt0", {8, 1}, frame::partial);
}
BENCHMARK(step_partial);

} // namespace
