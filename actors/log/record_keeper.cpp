#include "actors/log/record_keeper.hpp"

#include "actors/log/record_outbox.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/log.hpp"

namespace troupe {
namespace {

/// The keeper takes tasks only; it answers no request.
using keeper_service = service_protocol<>;

constexpr auto retry_after = std::chrono::seconds(1);

struct keeper_deps {
  log_service::actor log;
  std::shared_ptr<std::atomic<std::int64_t>> unacknowledged;
  std::chrono::milliseconds gather_for;
};

class keeper_impl final : public service_base<keeper_service> {
public:
  static inline const char* actor_name = "record_keeper";

  keeper_impl(pointer self, slot_registry& slots, keeper_deps deps)
      : service_base(self, slots), d_(std::move(deps)) {}

  void keep(std::string user, log_input record) {
    const auto dropped = outbox_.dropped();
    outbox_.add(std::move(user), std::move(record));
    *d_.unacknowledged -= static_cast<std::int64_t>(outbox_.dropped() - dropped);
    gather();
  }

  void forget(const std::string& user, reply<done> answer) {
    *d_.unacknowledged -= static_cast<std::int64_t>(outbox_.forget(user));
    if (!outbox_.is_sending(user)) return answer(done{});
    forgetting_.push_back(std::move(answer));
  }

private:
  void gather() {
    if (std::exchange(gathering_, true)) return;
    later(d_.gather_for, [this] {
      gathering_ = false;
      if (auto batch = outbox_.take()) append(std::move(*batch));
    });
  }

  void append(append_logs_request batch) {
    ask_itself(d_.log, std::move(batch), [this](outcome<append_logs_reply> stored) {
      if (stored) {
        const auto before = outbox_.unacknowledged();
        outbox_.acknowledged();
        *d_.unacknowledged -= static_cast<std::int64_t>(before - outbox_.unacknowledged());
        for (auto& answer : std::exchange(forgetting_, {})) answer(done{});
        if (outbox_.unacknowledged() > 0) gather();
        return;
      }
      log::warn("log.records_wait",
                {{"why", stored.error().message}, {"dropped", outbox_.dropped()}});
      for (auto& answer : std::exchange(forgetting_, {})) answer.fail(stored.error());
      later(retry_after, [this] { append(outbox_.again()); });
    });
  }

  keeper_deps d_;
  record_outbox outbox_;
  bool gathering_ = false;
  std::vector<reply<done>> forgetting_; ///< answered with the batch in flight
};

using keeper_actor = keeper_service::actor;
using keeper_state = detail::service_state<keeper_impl>;

} // namespace

record_keeper spawn_record_keeper(caf::actor_system& system, log_service::actor log,
                                  std::chrono::milliseconds gather_for) {
  record_keeper made;
  made.unacknowledged = std::make_shared<std::atomic<std::int64_t>>(0);
  const auto actor = spawn_service<keeper_service, keeper_impl>(
      system, keeper_deps{std::move(log), made.unacknowledged, gather_for});
  // The cast is sound because this file alone spawns the keeper; the task runs inside the actor.
  auto* self = static_cast<keeper_actor::stateful_pointer<keeper_state>>(
      static_cast<caf::stateful_actor<keeper_state, keeper_actor::base>*>(
          caf::actor_cast<caf::abstract_actor*>(actor)));
  made.keep = [actor, self, count = made.unacknowledged](std::string user, log_input record) {
    ++*count; // before it is on its way, so that a drain does not overlook it
    post_to(actor, make_task([self, user = std::move(user), record = std::move(record)]() mutable {
              if (self->state.impl) self->state.impl->keep(std::move(user), std::move(record));
            }));
  };
  made.forget = [actor, self](std::string user, reply<done> answer) {
    post_to(actor, make_task([self, user = std::move(user), answer = std::move(answer)]() mutable {
              if (self->state.impl) self->state.impl->forget(user, std::move(answer));
            }));
  };
  made.actor = caf::actor_cast<caf::actor>(actor);
  return made;
}

} // namespace troupe
