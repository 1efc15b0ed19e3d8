// Goal: a request is answered whatever happens to the actor that holds it. Method: a service whose
// handlers keep, drop, throw and quit, on CAF's test coordinator.
#include "actor_fixture.hpp"

#include <caf/event_based_actor.hpp>

namespace troupe {
namespace {

using odd_service = service_protocol<ping_request>;

/// The ping's `service` says what to do with it.
class odd_impl final : public service_base<odd_service> {
public:
  static inline const char* actor_name = "odd";

  odd_impl(pointer self, slot_registry& slots, int) : service_base(self, slots) {}
  using service_base::on;
  void on(call<ping_request>& c, answer<ping_reply> a) {
    if (c.body.service == "answer") return a(ping_reply{true, {}});
    if (c.body.service == "throw") throw std::runtime_error("on purpose");
    if (c.body.service == "quit") self_->quit();
    if (c.body.service != "drop") kept_.push_back(std::move(a));
  }

private:
  std::vector<answer<ping_reply>> kept_;
};

class answer_test : public actor_fixture {
protected:
  odd_service::actor service_ = spawn_service<odd_service, odd_impl>(system_, 0);
  auto ask(std::string what) { return send(service_, ping_request{std::move(what)}); }
  void TearDown() override { end(caf::actor_cast<caf::actor>(service_)); }
};

TEST_F(answer_test, an_answer_arrives) {
  EXPECT_TRUE((*ask("answer"))->value().ready);
}

TEST_F(answer_test, a_dropped_answer_says_so) {
  EXPECT_EQ((*ask("drop"))->error().code, errc::dropped);
}

TEST_F(answer_test, an_exception_answers_every_request_that_the_actor_held) {
  const auto kept = ask("keep");
  EXPECT_FALSE(kept->has_value());
  const auto thrown = ask("throw");
  EXPECT_EQ((*thrown)->error().code, errc::internal);
  ASSERT_TRUE(kept->has_value());
  EXPECT_EQ((*kept)->error().code, errc::internal);
  EXPECT_EQ((*ask("answer"))->error().code, errc::unavailable) << "until it is restarted";
}

TEST_F(answer_test, an_actor_that_quits_answers_what_it_kept) {
  const auto kept = ask("keep");
  const auto quit = ask("quit");
  ASSERT_TRUE(kept->has_value());
  EXPECT_EQ((*kept)->error().code, errc::worker_lost);
  ASSERT_TRUE(quit->has_value());
}

TEST_F(answer_test, a_killed_actor_answers_what_it_kept) {
  const auto kept = ask("keep");
  end(caf::actor_cast<caf::actor>(service_));
  ASSERT_TRUE(kept->has_value());
  EXPECT_EQ((*kept)->error().code, errc::worker_lost);
}

} // namespace
} // namespace troupe
