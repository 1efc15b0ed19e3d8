#include "actors/auth/limit_actor.hpp"

#include "actors/auth/cap_rules.hpp"

namespace troupe {
namespace {

class limit_impl final : public service_base<limit_service> {
public:
  static inline const char* actor_name = "limits";

  limit_impl(pointer self, slot_registry& slots, limit_deps deps)
      : service_base(self, slots), d_(std::move(deps)) {}
  using service_base::on;

  void on(call<reserve_request>& c, answer<reserve_reply> a) {
    const auto wants = cap_rules::wants_of(c.body, d_.address_requests_per_minute);
    if (wants.empty()) return a(reserve_reply{});
    d_.store->reserve(
        std::move(c.body.id), wants,
        to_self<limit_verdict>([wants, a = std::move(a)](result<limit_verdict> verdict) mutable {
          if (!verdict) return a.fail(std::move(verdict.error()));
          a(cap_rules::reply_of(wants, *verdict));
        }));
  }

  void on(call<settle_request>& c, answer<done> a) {
    d_.store->settle(std::move(c.body.id), std::move(c.body.amounts), pass_on(std::move(a)));
  }

  void on(call<renew_request>& c, answer<renew_reply> a) {
    d_.store->renew(std::move(c.body.ids),
                    to_self<std::vector<std::string>>(
                        [a = std::move(a)](result<std::vector<std::string>> lost) mutable {
                          if (!lost) return a.fail(std::move(lost.error()));
                          a(renew_reply{std::move(*lost)});
                        }));
  }

  /// A store that is away is the business of those who have limits: the others are served.
  void on(call<ping_request>&, answer<ping_reply> a) { a(ping_reply{true, {}}); }

private:
  limit_deps d_;
};

} // namespace

limit_service::actor spawn_limits(caf::actor_system& system, limit_deps deps) {
  return spawn_service<limit_service, limit_impl>(system, std::move(deps));
}

} // namespace troupe
