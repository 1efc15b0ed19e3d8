#include "actors/support/service.hpp"

#include <map>
#include <mutex>
#include <string>

namespace troupe {

metrics::metric& in_hand_gauge(std::string_view actor_name) {
  struct gauges {
    std::mutex mutex;
    std::map<std::string, std::unique_ptr<metrics::metric>, std::less<>> by_name;
  };
  static auto* all = new gauges; // actors may end after the program's statics
  const std::lock_guard lock(all->mutex);
  auto& gauge = all->by_name[std::string(actor_name)];
  if (!gauge)
    gauge = std::make_unique<metrics::metric>(metrics::kind::gauge, "troupe_actor_in_hand",
                                              "Requests that an actor has not answered yet",
                                              "actor=\"" + std::string(actor_name) + '"');
  return *gauge;
}

error from_caf(const caf::error& why) {
  if (why == caf::sec::request_receiver_down || why == caf::sec::runtime_error)
    return make_error(errc::worker_lost, "the service stopped while it worked on this");
  return make_error(errc::internal, "the service did not answer");
}

} // namespace troupe
