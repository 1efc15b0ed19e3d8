#include "actors/support/restart.hpp"

#include "messages/base/log.hpp"
#include "messages/base/metrics.hpp"

#include <algorithm>

namespace troupe {

std::chrono::milliseconds restart_delay(const restart_policy& policy, unsigned crashes) noexcept {
  auto delay = policy.first_delay;
  for (unsigned i = 1; i < crashes && delay < policy.longest_delay; ++i) delay *= 2;
  return std::min(delay, policy.longest_delay);
}

error restarting(const restart_policy& policy, unsigned crashes) {
  auto why = make_error(errc::unavailable, "the service is being restarted");
  why.retry_after_ms = static_cast<std::uint32_t>(restart_delay(policy, crashes).count());
  return why;
}

void note_crash(std::string_view service, std::string_view what,
                std::chrono::milliseconds restart_in) {
  static metrics::metric counter(metrics::kind::counter, "troupe_actor_restarts_total",
                                 "Services started again after a crash.");
  counter.add();
  log::error("service.crashed",
             {{"service", service}, {"what", what}, {"restart_in_ms", restart_in.count()}});
}

} // namespace troupe
