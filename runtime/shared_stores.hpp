#pragma once

#include "actors/ports/limit_store.hpp"
#include "actors/ports/session_cache.hpp"
#include "messages/base/result.hpp"
#include "runtime/config.hpp"

#include <memory>

namespace boost::asio {
class io_context;
}

namespace troupe {

/// What all auth processes of an installation share beside the accounts.
struct shared_stores {
  std::shared_ptr<limit_store> limits;
  std::shared_ptr<session_cache> sessions; ///< null: the accounts are asked each time
};

/// On Redis when redis.url is set; else the limits lie beside the accounts on their database
/// server; else in this process, which the lock on the embedded accounts makes the only one. Redis
/// works on `loop` and need not be there yet. Errors: `invalid_argument` when its URL cannot be
/// used, those of open_limit_store.
[[nodiscard]] result<shared_stores> open_shared_stores(const config& in,
                                                       boost::asio::io_context& loop);

} // namespace troupe
