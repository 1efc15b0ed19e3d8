// Goal: what a durable log record costs, for it is on the path of every chat. Method: producers
// that append one record and wait for its reply (latency: one of them; group commit: many), and one
// that keeps many in flight, as the log actor does. Files in a scratch folder of the working
// directory.
#include "adapters/sql/sql_stores.hpp"

#include <benchmark/benchmark.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <semaphore>
#include <stdexcept>
#include <thread>

namespace troupe {
namespace {

/// A log store in a folder that goes with it.
struct scratch_log {
  scratch_log() {
    std::string name = "log-bench-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("no scratch folder");
    folder = name;
    auto opened = open_log_store({(folder / "log.db").string()});
    if (!opened) throw std::runtime_error(opened.error().message);
    store = std::move(*opened);
  }
  ~scratch_log() {
    store.reset();
    std::filesystem::remove_all(folder);
  }

  std::filesystem::path folder;
  std::unique_ptr<log_store> store;
  std::atomic<std::uint64_t> next_id = 0;
};

log_record chat_record(std::uint64_t n) {
  log_record r;
  char id[64];
  std::snprintf(id, sizeof id, "log_019a%016llx", static_cast<unsigned long long>(n));
  r.id = id;
  r.time = "2026-01-01T00:00:00.000000Z";
  r.service = "troupe.prompt";
  r.message = "chat.completed";
  r.attributes.raw = R"({"model":"gpt-4o-mini","prompt_tokens":812,"completion_tokens":97,)"
                     R"("reported":true,"latency_ms":431,"status":200})";
  r.user = "0193b0a2-6f1e-7c7a-9f43-3d2a5c1e7b90";
  return r;
}

void append_and_wait(benchmark::State& state) {
  static std::unique_ptr<scratch_log> log;
  if (state.thread_index() == 0) log = std::make_unique<scratch_log>();
  for (auto _ : state) {
    std::promise<bool> stored;
    auto answer = stored.get_future();
    log->store->append({chat_record(log->next_id++)},
                       reply<done>([stored = std::move(stored)](result<done> r) mutable {
                         stored.set_value(r.has_value());
                       }));
    if (!answer.get()) state.SkipWithError("an append failed");
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) log.reset();
}
BENCHMARK(append_and_wait)->Threads(1)->Threads(8)->Threads(64)->UseRealTime();

/// `range(0)` appends of one record in flight.
void append_in_flight(benchmark::State& state) {
  scratch_log log;
  std::counting_semaphore<> free(state.range(0));
  for (auto _ : state) {
    free.acquire();
    log.store->append({chat_record(log.next_id++)},
                      reply<done>([&](result<done>) { free.release(); }));
  }
  for (auto n = state.range(0); n > 0; --n) free.acquire();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(append_in_flight)->Arg(32)->Arg(256)->Arg(2048)->UseRealTime();

/// Calls a port and waits for its answer.
template <class T, class F>
T wait_for(F call) {
  std::promise<result<T>> answered;
  call(reply<T>([&](result<T> r) { answered.set_value(std::move(r)); }));
  return answered.get_future().get().value();
}

/// 100,000 records of one user.
void fill(scratch_log& log) {
  for (int batch = 0; batch < 100; ++batch) {
    std::vector<log_record> records;
    for (int i = 0; i < 1000; ++i) records.push_back(chat_record(log.next_id++));
    log.store->append(std::move(records), reply<done>([](auto) {}));
  }
  wait_for<done>([&](auto r) { log.store->flush(std::move(r)); });
}

/// Purges 100,000 records in steps of `range(0)` while another user appends one after the other:
/// how long the longest of these waits (ms).
void purge_beside_appends(benchmark::State& state) {
  using clock = std::chrono::steady_clock;
  double longest_ms = 0;
  for (auto _ : state) {
    state.PauseTiming();
    scratch_log log;
    fill(log);
    std::atomic<bool> purged = false;
    state.ResumeTiming();
    std::thread others([&] {
      while (!purged) {
        auto record = chat_record(log.next_id++);
        record.user = "another";
        const auto began = clock::now();
        wait_for<done>([&](auto r) { log.store->append({record}, std::move(r)); });
        const std::chrono::duration<double, std::milli> took = clock::now() - began;
        longest_ms = std::max(longest_ms, took.count());
      }
    });
    const auto step = static_cast<std::uint32_t>(state.range(0));
    while (wait_for<purge_step>([&](auto r) {
             log.store->purge(chat_record(0).user, step, std::move(r));
           }).more) {
    }
    purged = true;
    others.join();
  }
  state.counters["longest_append_ms"] = longest_ms;
}
BENCHMARK(purge_beside_appends)
    ->Arg(100)
    ->Arg(1000)
    ->Arg(10000)
    ->Arg(100000)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// Pages of 100 of a user who has 100,000 records.
void list_a_page(benchmark::State& state) {
  scratch_log log;
  fill(log);
  for (auto _ : state) {
    std::promise<std::size_t> found;
    auto answer = found.get_future();
    log_filter filter;
    filter.user = chat_record(0).user;
    log.store->list(filter, reply<log_slice>([found = std::move(found)](auto slice) mutable {
                      found.set_value(slice ? slice->records.size() : 0);
                    }));
    if (const auto n = answer.get(); n != 100) state.SkipWithError("a page is not full");
  }
}
BENCHMARK(list_a_page)->UseRealTime();

} // namespace
} // namespace troupe
