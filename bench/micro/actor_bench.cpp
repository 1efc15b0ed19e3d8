// What a request costs between actors, beside a bare CAF request in the same run.
#include "actors/support/service.hpp"

#include <benchmark/benchmark.h>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

namespace troupe {
namespace {

using pinged = service_protocol<ping_request>;

class ping_impl final : public service_base<pinged> {
public:
  static inline const char* actor_name = "ping";

  ping_impl(pointer self, slot_registry& slots, int) : service_base(self, slots) {}
  using service_base::on;
  void on(call<ping_request>&, answer<ping_reply> a) { a(ping_reply{true, {}}); }
};

struct settings : caf::actor_system_config {
  settings() {
    set("scheduler.policy", caf::atom_value{caf::atom("sharing")});
    set("scheduler.max-threads", std::size_t{1});
  }
};

constexpr int batch = 1000;

/// Spawns an actor that sends `batch` requests one after the other and waits for its end.
template <class Reply, class Handle, class Make>
void run_batch(caf::actor_system& system, caf::scoped_actor& me, const Handle& to, Make make) {
  system.spawn(
      [to, make, reporter = caf::actor_cast<caf::actor>(me)](caf::event_based_actor* self) {
        auto step = std::make_shared<std::function<void(int)>>();
        *step = [self, to, make, reporter, weak = std::weak_ptr(step)](int left) {
          if (left == 0) return self->send(reporter, caf::ok_atom::value);
          self->request(to, caf::infinite, make()).then([left, next = weak.lock()](Reply&) {
            (*next)(left - 1);
          });
        };
        (*step)(batch);
      });
  me->receive([](caf::ok_atom) {});
}

void bare_request(benchmark::State& state) {
  settings cfg;
  caf::actor_system system(cfg);
  const auto echo = system.spawn([]() -> caf::behavior { return {[](int n) { return n; }}; });
  {
    caf::scoped_actor me(system);
    for (auto _ : state) run_batch<int>(system, me, echo, [] { return 1; });
  }
  state.SetItemsProcessed(state.iterations() * batch);
  caf::anon_send_exit(echo, caf::exit_reason::kill);
}

void service_request(benchmark::State& state) {
  settings cfg;
  caf::actor_system system(cfg);
  const auto service = spawn_service<pinged, ping_impl>(system, 0);
  {
    caf::scoped_actor me(system);
    for (auto _ : state)
      run_batch<outcome<ping_reply>>(system, me, service, [] { return call<ping_request>{}; });
  }
  state.SetItemsProcessed(state.iterations() * batch);
  caf::anon_send_exit(service, caf::exit_reason::kill);
}

BENCHMARK(bare_request)->UseRealTime();
BENCHMARK(service_request)->UseRealTime();

} // namespace
} // namespace troupe

BENCHMARK_MAIN();
