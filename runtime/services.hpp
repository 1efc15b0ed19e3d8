#pragma once

#include "actors/prompt/prompt_actor.hpp"
#include "actors/protocols.hpp"
#include "messages/base/result.hpp"
#include "runtime/config.hpp"

#include <memory>

namespace boost::asio {
class io_context;
}

namespace troupe {

/// The stores and adapters of this node's roles, and the services made from them. What a role that
/// is not this node's would need is never opened. Keep it until the actors have ended.
class role_services {
public:
  virtual ~role_services() = default;

  /// Opens stores (running migrations) and makes the first admin. Errors name the file. The
  /// provider works on `loop`.
  [[nodiscard]] static result<std::unique_ptr<role_services>> open(const config& in,
                                                                   boost::asio::io_context& loop);

  /// The sender of this node's own records, before any service that has some.
  [[nodiscard]] virtual caf::actor spawn_record_keeper(caf::actor_system& system,
                                                       const log_service::actor& log) = 0;

  // One service each; only for roles that this node has.
  [[nodiscard]] virtual auth_service::actor spawn_auth(caf::actor_system& system) = 0;
  [[nodiscard]] virtual key_service::actor spawn_keys(caf::actor_system& system) = 0;
  /// `peers` leads to the other nodes that serve limits; null where there are none.
  [[nodiscard]] virtual limit_service::actor spawn_limits(caf::actor_system& system,
                                                          const limit_service::actor& peers) = 0;
  [[nodiscard]] virtual account_service::actor spawn_accounts(caf::actor_system& system,
                                                              const service_handles& others) = 0;
  [[nodiscard]] virtual log_service::actor spawn_log(caf::actor_system& system) = 0;
  [[nodiscard]] virtual retrieval_service::actor spawn_retrieval(caf::actor_system& system) = 0;
  /// `peers` as of limits.
  [[nodiscard]] virtual prompt_service::actor spawn_prompt(caf::actor_system& system,
                                                           const service_handles& others,
                                                           const prompt_service::actor& peers) = 0;

  /// Gives up what this node alone has in the cluster, so that others go on with it. `at_last`:
  /// also when nobody is there yet; the state stays in the store.
  virtual void hand_over(bool at_last) = 0;
  /// Whether that is done.
  [[nodiscard]] virtual bool is_handed_over() const = 0;

  [[nodiscard]] virtual std::shared_ptr<prompt_activity> activity() const = 0;
  /// Records of this node that the log has not acknowledged.
  [[nodiscard]] virtual std::int64_t unlogged() const = 0;
};

} // namespace troupe
