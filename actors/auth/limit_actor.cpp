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

  void start() override {
    if (!d_.shards) return;
    limit_peers peers;
    peers.reserve = to_peer<shard_reserve_request>();
    peers.settle = to_peer<shard_settle_request>();
    peers.renew = to_peer<shard_renew_request>();
    d_.shards->connect(d_.leases, std::move(peers));
    look_again();
  }

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

  // as the owner of a shard, for other nodes

  void on(call<shard_reserve_request>& c, answer<shard_verdict> a) {
    if (!d_.shards) return a.fail(no_shards());
    d_.shards->reserve_part(std::move(c.body), pass_on(std::move(a)));
  }
  void on(call<shard_settle_request>& c, answer<done> a) {
    if (!d_.shards) return a.fail(no_shards());
    d_.shards->settle_part(std::move(c.body), pass_on(std::move(a)));
  }
  void on(call<shard_renew_request>& c, answer<renew_reply> a) {
    if (!d_.shards) return a.fail(no_shards());
    d_.shards->renew_part(std::move(c.body), pass_on(std::move(a)));
  }

  /// A store that is away is the business of those who have limits: the others are served.
  void on(call<ping_request>&, answer<ping_reply> a) { a(ping_reply{true, {}}); }

private:
  static error no_shards() {
    return make_error(errc::unavailable, "this node counts limits in another store (caps.store)");
  }

  /// Asks from whatever thread, and at once from this actor's own.
  template <class Request>
  std::function<void(std::uint64_t, Request, reply<reply_of<Request>>)> to_peer() {
    return [this, me = me(), life = life()](std::uint64_t node, Request in,
                                            reply<reply_of<Request>> answer) {
      auto work = [this, life, node, in = std::move(in), answer = std::move(answer)]() mutable {
        if (!life.expired()) ask_node(node, std::move(in), std::move(answer));
      };
      slot_registry::current() == slots_ ? work() : post_to(me, make_task(std::move(work)));
    };
  }
  template <class Request>
  void ask_node(std::uint64_t node, Request in, reply<reply_of<Request>> answer) {
    call<Request> question{{}, std::move(in), {}};
    question.op.cid = make_call_id();
    question.op.to = node;
    question.op.deadline = op_context::clock::now() + limits::shard_ask;
    ask(d_.peers, std::move(question),
        [answer = std::move(answer)](outcome<reply_of<Request>> said) mutable {
          answer(std::move(said));
        });
  }

  void look_again() {
    d_.leases->tick();
    d_.shards->tick();
    later(limits::shard_tick, [this] { look_again(); });
  }

  limit_deps d_;
};

} // namespace

limit_service::actor spawn_limits(caf::actor_system& system, limit_deps deps) {
  return spawn_service<limit_service, limit_impl>(system, std::move(deps));
}

} // namespace troupe
