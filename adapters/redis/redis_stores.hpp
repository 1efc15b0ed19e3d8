#pragma once

#include "actors/ports/limit_store.hpp"
#include "actors/ports/session_cache.hpp"
#include "messages/base/values.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace boost::asio {
class io_context;
}

namespace troupe {

struct redis_config {
  /// `redis://` or, with TLS, `rediss://[[user]:password@]host[:port][/db][?ca=file]`: a server, or
  /// any node of a cluster, which is found out by itself.
  secret url;
  /// On whose thread all of it runs and replies come; it has one thread, runs, and outlives the
  /// stores. Not null.
  boost::asio::io_context* loop = nullptr;
  std::string prefix = "troupe";                             ///< of every key; no `{` or `}`
  std::chrono::milliseconds timeout = limits::redis_timeout; ///< of a call, and of a connection
};

/// Both over the same connections.
struct redis_stores {
  std::unique_ptr<limit_store> limits;
  std::unique_ptr<session_cache> sessions;
};

/// Whether `url` can be a redis_config's. Errors say what is wrong with it and keep the password.
[[nodiscard]] result<void> check_redis_url(std::string_view url);

/// Begins to connect and returns at once; what is asked meanwhile waits. A server that is down is
/// no error here: calls are `unavailable` at once until it is there, which is tried for ever. The
/// stores may be used from any thread and destroyed in any order, also from a reply; what is still
/// asked is then answered `unavailable` by the loop. Errors: `invalid_argument` when the URL or its
/// `ca` file is wrong.
[[nodiscard]] result<redis_stores> make_redis_stores(redis_config config);

} // namespace troupe
