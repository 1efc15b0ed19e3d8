#pragma once

#include "actors/support/service.hpp"

#include <gtest/gtest.h>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>

#include <optional>

namespace troupe {

/// An actor system that runs only when the test says so, with a clock that the test moves.
class actor_fixture : public testing::Test {
protected:
  struct settings : caf::actor_system_config {
    settings() { set("scheduler.policy", caf::atom_value{caf::atom("testing")}); }
  };

  ~actor_fixture() override { run(); }

  void run() { clock_().run(); }
  void advance(std::chrono::milliseconds by) {
    clock_().advance_time(by);
    run();
  }

  /// Sends a request and keeps its answer for `got`.
  template <class Request, class Handle>
  std::shared_ptr<std::optional<outcome<reply_of<Request>>>> send(const Handle& to, Request body) {
    auto box = std::make_shared<std::optional<outcome<reply_of<Request>>>>();
    call<Request> c{{}, std::move(body), {}};
    auto asker = system_.spawn([to, c = std::move(c), box](caf::event_based_actor* self) mutable {
      self->request(to, caf::infinite, std::move(c))
          .then([box](outcome<reply_of<Request>>& r) { *box = std::move(r); },
                [box](caf::error& e) {
                  *box = outcome<reply_of<Request>>(std::unexpected(from_caf(e)));
                });
    });
    run();
    return box;
  }

  void end(const caf::actor& a) {
    caf::anon_send_exit(a, caf::exit_reason::kill);
    run();
  }

  settings cfg_;
  caf::actor_system system_{cfg_};

private:
  caf::scheduler::test_coordinator& clock_() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }
};

} // namespace troupe
