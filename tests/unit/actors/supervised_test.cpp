// Goal: a crashed service comes back with back-off behind the same handle, and what it held is
// answered. Method: a log service that throws on demand, CAF's test coordinator, a clock that the
// test moves.
#include "actor_fixture.hpp"
#include "actors/protocols.hpp"

#include <caf/event_based_actor.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

class fragile_log final : public service_base<log_service> {
public:
  static inline const char* actor_name = "fragile";

  fragile_log(pointer self, slot_registry& slots, std::shared_ptr<int> made)
      : service_base(self, slots) {
    ++*made;
  }
  using service_base::on;
  void on(call<append_logs_request>&, answer<append_logs_reply>) {
    throw std::runtime_error("on purpose");
  }
  void on(call<patch_log_request>&, answer<log_record> a) { kept_ = std::move(a); }
  void on(call<list_logs_request>&, answer<log_page> a) {
    later(1s, [this, a = std::move(a)]() mutable { a(std::move(page_)); });
  }
  void on(call<purge_logs_request>&, answer<purge_reply> a) { a(purge_reply{}); }
  void on(call<ping_request>&, answer<ping_reply> a) { a(ping_reply{true, {}}); }

private:
  answer<log_record> kept_;
  log_page page_;
};

TEST(restart_delay, doubles_up_to_its_bound) {
  const restart_policy policy{100ms, 1000ms, 60s};
  EXPECT_EQ(restart_delay(policy, 1), 100ms);
  EXPECT_EQ(restart_delay(policy, 3), 400ms);
  EXPECT_EQ(restart_delay(policy, 30), 1000ms);
}

class supervised_test : public actor_fixture {
protected:
  std::shared_ptr<int> made_ = std::make_shared<int>(0);
  log_service::actor service_ = spawn_service<log_service, fragile_log>(system_, made_);
  void SetUp() override { run(); }
  void TearDown() override { end(caf::actor_cast<caf::actor>(service_)); }
};

TEST_F(supervised_test, requests_reach_the_service) {
  EXPECT_TRUE((*send(service_, ping_request{}))->value().ready);
  EXPECT_EQ(*made_, 1);
}

TEST_F(supervised_test, a_crash_answers_everything_held_and_the_service_comes_back) {
  const auto kept = send(service_, patch_log_request{});
  EXPECT_EQ((*send(service_, append_logs_request{}))->error().code, errc::internal);
  EXPECT_EQ((*kept)->error().code, errc::internal);
  const auto meanwhile = send(service_, ping_request{});
  EXPECT_EQ((*meanwhile)->error().code, errc::unavailable);
  EXPECT_GT((*meanwhile)->error().retry_after_ms, 0u);
  advance(100ms);
  EXPECT_EQ(*made_, 2);
  EXPECT_TRUE((*send(service_, ping_request{}))->value().ready);
}

TEST_F(supervised_test, a_timer_of_the_state_that_crashed_does_not_touch_the_new_one) {
  const auto waiting = send(service_, list_logs_request{});
  (void)send(service_, append_logs_request{});
  EXPECT_EQ((*waiting)->error().code, errc::internal);
  advance(100ms);
  advance(1s);
  EXPECT_TRUE((*send(service_, ping_request{}))->value().ready);
}

TEST_F(supervised_test, the_second_crash_in_a_row_waits_longer) {
  (void)send(service_, append_logs_request{});
  advance(100ms);
  (void)send(service_, append_logs_request{});
  advance(100ms);
  EXPECT_EQ(*made_, 2);
  advance(100ms);
  EXPECT_EQ(*made_, 3);
}

} // namespace
} // namespace troupe
