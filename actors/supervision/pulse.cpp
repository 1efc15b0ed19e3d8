#include "actors/supervision/pulse.hpp"

#include "actors/support/service.hpp"

#include <algorithm>
#include <atomic>

namespace troupe {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// What the actors write and any thread reads.
struct pulse::watch {
  struct one {
    explicit one(post p) : send(std::move(p)) {}
    const post send;
    std::atomic<clock::time_point> sent{clock::time_point::max()}; ///< max: it was taken
  };

  watch(std::vector<post> posts, milliseconds period) : every(period) {
    for (auto& p : posts) all.push_back(std::make_unique<one>(std::move(p)));
  }
  [[nodiscard]] milliseconds stuck() const {
    const auto now = clock::now();
    auto longest = now - beat.load() - every;
    for (const auto& o : all)
      if (const auto sent = o->sent.load(); sent != clock::time_point::max())
        longest = std::max(longest, now - sent);
    return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(longest));
  }

  const milliseconds every;
  std::vector<std::unique_ptr<one>> all;
  std::atomic<clock::time_point> beat{clock::now()};
};

namespace {

struct pulse_deps {
  std::chrono::milliseconds every;
  std::function<void()> beat;
};

class pulse_impl final : public service_base<service_protocol<>> {
public:
  static inline const char* actor_name = "pulse";

  pulse_impl(pointer self, slot_registry& slots, pulse_deps deps)
      : service_base(self, slots), d_(std::move(deps)) {}
  void start() override { beat(); }
  using service_base::on;

private:
  void beat() {
    d_.beat();
    later(d_.every, [this] { beat(); });
  }

  pulse_deps d_;
};

} // namespace

pulse::pulse(caf::actor_system& system, std::vector<post> watched, milliseconds every)
    : watch_(std::make_shared<watch>(std::move(watched), every)) {
  const auto beat = [shared = watch_] {
    shared->beat = clock::now();
    for (auto& o : shared->all) {
      if (o->sent.load() != clock::time_point::max()) continue;
      o->sent = clock::now();
      o->send(make_task([shared, one = o.get()] { one->sent = clock::time_point::max(); }));
    }
  };
  actor_ = caf::actor_cast<caf::actor>(
      spawn_service<service_protocol<>, pulse_impl>(system, pulse_deps{every, beat}));
}

pulse::~pulse() {
  caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
}

std::function<milliseconds()> pulse::stuck() const {
  return [shared = watch_] { return shared->stuck(); };
}

} // namespace troupe
