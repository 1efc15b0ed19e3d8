#include "actors/support/service.hpp"

namespace troupe {

error from_caf(const caf::error& why) {
  if (why == caf::sec::request_receiver_down || why == caf::sec::runtime_error)
    return make_error(errc::worker_lost, "the service stopped while it worked on this");
  return make_error(errc::internal, "the service did not answer");
}

} // namespace troupe
