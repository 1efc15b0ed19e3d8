#pragma once

#include "actors/ports/purge_step.hpp"
#include "actors/support/answer.hpp"
#include "actors/support/restart.hpp"
#include "actors/support/run_here.hpp"
#include "messages/base/limits.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

/// The shell around every service actor: typed interface from a list of requests, answers that
/// cannot be lost, and supervision: an exception ends the service's state, not the process. What it
/// held is answered with an error, and the state is made anew, with back-off, behind the same
/// handle.
namespace troupe {

/// A typed interface: what every service takes, and one `call<R> -> outcome<reply_of<R>>` a
/// request. A message is held against the handlers in their order, which costs some 50 ns each in a
/// process that was asleep: what comes most often stands first.
template <class... Requests>
struct service_protocol {
  using actor = caf::typed_actor<
      caf::reacts_to<self_task>, caf::reacts_to<stream_signal>,
      caf::reacts_to<stream_item<chat_delta>>, caf::reacts_to<stream_item<file_chunk>>,
      typename caf::replies_to<call<Requests>>::template with<outcome<reply_of<Requests>>>...>;
};

/// Requests that actors of this name have not answered yet, at /metrics. Any thread; names are
/// those of the program's own actors.
[[nodiscard]] metrics::metric& in_hand_gauge(std::string_view actor_name);

/// The error that a CAF failure means to the requester.
[[nodiscard]] error from_caf(const caf::error& why);

/// Base of a service's implementation: what it may do as an actor. Everything runs inside the
/// actor.
template <class Protocol>
class service_base {
public:
  using handle = typename Protocol::actor;
  using pointer = typename handle::pointer;

  service_base(pointer self, slot_registry& slots) : self_(self), slots_(&slots) {}
  virtual ~service_base() = default;
  service_base(const service_base&) = delete;
  service_base& operator=(const service_base&) = delete;

  /// Once, inside the actor, after construction.
  virtual void start() {}
  virtual void on(stream_signal&) {}
  virtual void on(stream_item<chat_delta>&) {}
  virtual void on(stream_item<file_chunk>&) {}

protected:
  /// A reply for a port: whatever thread answers it, `then` runs inside this actor.
  template <class T, class F>
  [[nodiscard]] reply<T> to_self(F then) {
    return reply<T>([me = me(), life = life(), then = std::move(then)](result<T> value) mutable {
      post_to(me, task_with(life, std::move(then), std::move(value)));
    });
  }

  /// The same for a port that answers on a thread of its own that waits for I/O: it runs this
  /// actor.
  template <class T, class F>
  [[nodiscard]] reply<T> to_self_here(F then) {
    return reply<T>([me = me(), life = life(), then = std::move(then)](result<T> value) mutable {
      run_here(me, task_with(life, std::move(then), std::move(value)));
    });
  }

  /// A port's reply as the answer of a request.
  template <class T>
  [[nodiscard]] reply<T> pass_on(answer<T> a) {
    return to_self<T>([a = std::move(a)](result<T> value) mutable { a(std::move(value)); });
  }

  /// Takes the steps of a purge until nothing is left. `step` (copyable) asks a port for one with
  /// the reply that it gets; `then` gets how many objects went in all.
  template <class Step, class Then>
  void purge_all(Step step, Then then, std::uint64_t before = 0) {
    auto next = [this, step, then = std::move(then), before](result<purge_step> r) mutable {
      if (!r) return then(result<std::uint64_t>(std::unexpected(std::move(r.error()))));
      const auto deleted = before + r->deleted;
      if (!r->more) return then(result<std::uint64_t>(deleted));
      purge_all(std::move(step), std::move(then), deleted);
    };
    step(to_self<purge_step>(std::move(next)));
  }

  /// Runs `work` inside this actor after `delay`.
  template <class F>
  void later(std::chrono::milliseconds delay, F work) {
    self_->delayed_send(self_, delay, make_task([life = life(), work = std::move(work)]() mutable {
                          if (!life.expired()) work();
                        }));
  }

  /// For code on other threads: the handle to send a task to, and whether this state still lives
  /// when the task runs (after a restart another one does).
  [[nodiscard]] handle me() const { return caf::actor_cast<handle>(self_); }
  [[nodiscard]] std::weak_ptr<void> life() const { return life_; }

  /// Asks another service; `then` runs inside this actor with its outcome.
  template <class Handle, class Request, class F>
  void ask(const Handle& whom, call<Request> request, F then) {
    auto shared = std::make_shared<F>(std::move(then));
    self_->request(whom, caf::infinite, std::move(request))
        .then(
            [slots = slots_, life = life(), shared](outcome<reply_of<Request>>& value) {
              if (!life.expired()) run_inside(*slots, [&] { (*shared)(std::move(value)); });
            },
            [slots = slots_, life = life(), shared](caf::error& why) {
              if (life.expired()) return;
              run_inside(*slots, [&] {
                (*shared)(outcome<reply_of<Request>>(std::unexpected(from_caf(why))));
              });
            });
  }

  /// Asks on this service's own account, not for a request; nobody vouches for a caller.
  template <class Handle, class Request, class F>
  void ask_itself(const Handle& whom, Request request, F then,
                  std::chrono::milliseconds patience = limits::request_timeout) {
    call<Request> c{{}, std::move(request), {}};
    c.op.cid = make_call_id();
    c.op.deadline = op_context::clock::now() + patience;
    ask(whom, std::move(c), std::move(then));
  }

  pointer self_;
  slot_registry* slots_;

private:
  template <class F, class T>
  static self_task task_with(std::weak_ptr<void> life, F then, result<T> value) {
    return make_task(
        [life = std::move(life), then = std::move(then), value = std::move(value)]() mutable {
          if (!life.expired()) then(std::move(value));
        });
  }

  std::shared_ptr<void> life_ = std::make_shared<char>();
};

namespace detail {

template <class Impl>
struct service_state {
  service_state() = default; // an aggregate would be initialised from the actor pointer (CAF 0.17)
  ~service_state() {
    impl.reset();
    const inside_actor scope(slots);
    slots.fail_all(make_error(errc::worker_lost, "the service stopped while it worked on this"));
  }
  service_state(const service_state&) = delete;
  service_state& operator=(const service_state&) = delete;

  static inline const char* name = Impl::actor_name; // what CAF calls the actor

  slot_registry slots;
  std::function<std::unique_ptr<Impl>()> make;
  std::unique_ptr<Impl> impl; // null between a crash and the restart
  restart_policy policy;
  unsigned crashes = 0; // in a row
  std::chrono::steady_clock::time_point began{};
};

template <class Self>
void begin_service(Self* self) {
  auto& state = self->state;
  state.began = std::chrono::steady_clock::now();
  run_inside(state.slots, [&] {
    state.impl = state.make();
    state.impl->start();
  });
}

/// Answers what the state held, drops it, and makes it anew after a while.
template <class Self>
void crash_service(Self* self, const std::exception& why) {
  auto& state = self->state;
  if (std::chrono::steady_clock::now() - state.began > state.policy.forget_after) state.crashes = 0;
  const auto delay = restart_delay(state.policy, ++state.crashes);
  note_crash(self->name(), why.what(), delay);
  state.slots.fail_all(make_error(errc::internal, "the service failed on this request"));
  state.impl.reset();
  self->delayed_send(self, delay, make_task([self] { begin_service(self); }));
}

template <class Self, class Message>
void pass_in(Self* self, Message& message) {
  run_inside(self->state.slots, [&] {
    if (self->state.impl) self->state.impl->on(message);
  });
}

template <class Impl, class Self, class Request>
auto request_handler(Self* self) {
  return [self](call<Request>& request) -> caf::result<outcome<reply_of<Request>>> {
    auto promise = self->template make_response_promise<outcome<reply_of<Request>>>();
    run_inside(self->state.slots, [&] {
      answer<reply_of<Request>> a(self->state.slots, promise);
      if (!self->state.impl) return a.fail(restarting(self->state.policy, self->state.crashes));
      self->state.impl->on(request, std::move(a));
    });
    return promise;
  };
}

template <class Impl, class... Requests, class Self>
typename service_protocol<Requests...>::actor::behavior_type make_behavior(
    Self* self, service_protocol<Requests...>*) {
  return {[self](self_task& t) { run_inside(self->state.slots, [&] { (*t.run)(); }); },
          [self](stream_signal& s) { pass_in(self, s); },
          [self](stream_item<chat_delta>& i) { pass_in(self, i); },
          [self](stream_item<file_chunk>& i) { pass_in(self, i); },
          request_handler<Impl, Self, Requests>(self)...};
}

} // namespace detail

/// Spawns a service actor. `Impl` derives from service_base<Protocol>, has a name (`actor_name`), a
/// constructor (pointer self, slot_registry&, Deps) and an overload `on(call<R>&,
/// answer<reply_of<R>>)` for every request of the protocol; `Deps` is copied (a restart makes a
/// fresh Impl from it). While it waits for a restart, requests are answered `unavailable` with the
/// time to come back.
template <class Protocol, class Impl, class Deps>
[[nodiscard]] typename Protocol::actor spawn_service(caf::actor_system& system, Deps deps,
                                                     restart_policy policy = {}) {
  using state = detail::service_state<Impl>;
  using self_ptr = typename Protocol::actor::template stateful_pointer<state>;
  return system.spawn([deps = std::move(deps), policy](self_ptr self) ->
                      typename Protocol::actor::behavior_type {
                        self->state.policy = policy;
                        self->state.slots.in_hand = &in_hand_gauge(Impl::actor_name);
                        self->state.slots.on_crash = [self](const std::exception& e) {
                          detail::crash_service(self, e);
                        };
                        self->state.make = [self, deps] {
                          return std::make_unique<Impl>(self, self->state.slots, deps);
                        };
                        detail::begin_service(self);
                        return detail::make_behavior<Impl>(self, static_cast<Protocol*>(nullptr));
                      });
}

} // namespace troupe
