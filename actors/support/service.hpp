#pragma once

#include "actors/support/answer.hpp"
#include "messages/base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <utility>

/// The shell around every service actor: typed interface from a list of requests, answers that
/// cannot be lost, exceptions that end the actor (its supervisor restarts it) and not the process.
namespace troupe {

/// A typed interface: one `call<R> -> outcome<reply_of<R>>` a request, and what every service takes.
template <class... Requests>
struct service_protocol {
  using actor = caf::typed_actor<
      typename caf::replies_to<call<Requests>>::template with<outcome<reply_of<Requests>>>...,
      caf::reacts_to<stream_signal>, caf::reacts_to<stream_item<chat_delta>>,
      caf::reacts_to<stream_item<file_chunk>>, caf::reacts_to<self_task>>;
};

/// The error that a CAF failure means to the requester.
[[nodiscard]] error from_caf(const caf::error& why);

/// Base of a service's implementation: what it may do as an actor. Everything runs inside the actor.
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
    return reply<T>([me = caf::actor_cast<handle>(self_), then = std::move(then)](result<T> value) mutable {
      caf::anon_send(me, make_task([then = std::move(then), value = std::move(value)]() mutable {
                       then(std::move(value));
                     }));
    });
  }

  /// A port's reply as the answer of a request.
  template <class T>
  [[nodiscard]] reply<T> pass_on(answer<T> a) {
    return to_self<T>([a = std::move(a)](result<T> value) mutable { a(std::move(value)); });
  }

  /// Runs `work` inside this actor after `delay`.
  template <class F>
  void later(std::chrono::milliseconds delay, F work) {
    self_->delayed_send(self_, delay, make_task(std::move(work)));
  }

  /// Asks another service; `then` runs inside this actor with its outcome.
  template <class Handle, class Request, class F>
  void ask(const Handle& whom, call<Request> request, F then) {
    auto shared = std::make_shared<F>(std::move(then));
    self_->request(whom, caf::infinite, std::move(request))
        .then(
            [this, shared](outcome<reply_of<Request>>& value) {
              const inside_actor scope(*slots_);
              (*shared)(std::move(value));
            },
            [this, shared](caf::error& why) {
              const inside_actor scope(*slots_);
              (*shared)(outcome<reply_of<Request>>(std::unexpected(from_caf(why))));
            });
  }

  pointer self_;
  slot_registry* slots_;
};

namespace detail {

template <class Impl>
struct service_state {
  service_state() = default;  // an aggregate would be initialised from the actor pointer (CAF 0.17)
  ~service_state() {
    impl.reset();
    const inside_actor scope(slots);
    slots.fail_all(make_error(errc::worker_lost, "the service stopped while it worked on this"));
  }
  service_state(const service_state&) = delete;
  service_state& operator=(const service_state&) = delete;

  slot_registry slots;
  std::unique_ptr<Impl> impl;
};

/// Runs a handler; an exception ends the actor, so that a broken state is not used again.
template <class Self, class F>
void guarded(Self* self, F&& handler) {
  const inside_actor scope(self->state.slots);
  try {
    handler();
  } catch (const std::exception& e) {
    log::error("actor.crashed", {{"actor", self->name()}, {"what", e.what()}});
    self->state.slots.fail_all(make_error(errc::internal, "the service failed on this request"));
    self->quit(caf::exit_reason::unhandled_exception);
  }
}

template <class Impl, class Self, class Request>
auto request_handler(Self* self) {
  return [self](call<Request>& request) -> caf::result<outcome<reply_of<Request>>> {
    auto promise = self->template make_response_promise<outcome<reply_of<Request>>>();
    guarded(self, [&] {
      self->state.impl->on(request, answer<reply_of<Request>>(self->state.slots, promise));
    });
    return promise;
  };
}

template <class Impl, class... Requests, class Self>
typename service_protocol<Requests...>::actor::behavior_type make_behavior(
    Self* self, service_protocol<Requests...>*) {
  return {request_handler<Impl, Self, Requests>(self)...,
          [self](stream_signal& s) { guarded(self, [&] { self->state.impl->on(s); }); },
          [self](stream_item<chat_delta>& i) { guarded(self, [&] { self->state.impl->on(i); }); },
          [self](stream_item<file_chunk>& i) { guarded(self, [&] { self->state.impl->on(i); }); },
          [self](self_task& t) { guarded(self, [&] { (*t.run)(); }); }};
}

}  // namespace detail

/// Spawns a service actor. `Impl` derives from service_base<Protocol>, has a constructor
/// (pointer self, slot_registry&, Deps) and an overload `on(call<R>&, answer<reply_of<R>>)` for
/// every request of the protocol; `Deps` is copied (a restart makes a fresh Impl from it).
template <class Protocol, class Impl, class Deps>
[[nodiscard]] typename Protocol::actor spawn_service(caf::actor_system& system, Deps deps) {
  using state = detail::service_state<Impl>;
  using self_ptr = typename Protocol::actor::template stateful_pointer<state>;
  return system.spawn([deps = std::move(deps)](self_ptr self) ->
                      typename Protocol::actor::behavior_type {
    self->state.impl = std::make_unique<Impl>(self, self->state.slots, deps);
    detail::guarded(self, [&] { self->state.impl->start(); });
    return detail::make_behavior<Impl>(self, static_cast<Protocol*>(nullptr));
  });
}

}  // namespace troupe
