// Goal: a crashed service comes back with back-off behind the same handle. Method: a log service that
// throws on demand, CAF's test coordinator, a clock that the test moves.
#include "actor_fixture.hpp"
#include "actors/supervision/supervised.hpp"

#include <caf/event_based_actor.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

class fragile_log final : public service_base<log_service> {
public:
  fragile_log(pointer self, slot_registry& slots, int) : service_base(self, slots) {}
  using service_base::on;
  void on(call<append_logs_request>&, answer<append_logs_reply>) { throw std::runtime_error("on purpose"); }
  void on(call<patch_log_request>&, answer<log_record> a) { a(log_record{}); }
  void on(call<list_logs_request>&, answer<log_page> a) { a(log_page{}); }
  void on(call<ping_request>&, answer<ping_reply> a) { a(ping_reply{true, {}}); }
};

TEST(restart_delay, doubles_up_to_its_bound) {
  const restart_policy policy{100ms, 1000ms, 60s};
  EXPECT_EQ(restart_delay(policy, 1), 100ms);
  EXPECT_EQ(restart_delay(policy, 3), 400ms);
  EXPECT_EQ(restart_delay(policy, 30), 1000ms);
}

class supervised_test : public actor_fixture {
protected:
  int spawned_ = 0;
  log_service::actor service_ = spawn_supervised<log_service>(system_, "log", [this](caf::actor_system& s) {
    ++spawned_;
    return spawn_service<log_service, fragile_log>(s, 0);
  });
  void SetUp() override { run(); }
  void TearDown() override { end(caf::actor_cast<caf::actor>(service_)); }
};

TEST_F(supervised_test, requests_reach_the_service) {
  EXPECT_TRUE((*send(service_, ping_request{}))->value().ready);
  EXPECT_EQ(spawned_, 1);
}

TEST_F(supervised_test, a_crash_answers_an_error_and_the_service_comes_back) {
  EXPECT_EQ((*send(service_, append_logs_request{}))->error().code, errc::internal);
  const auto meanwhile = send(service_, ping_request{});
  EXPECT_EQ((*meanwhile)->error().code, errc::unavailable);
  EXPECT_GT((*meanwhile)->error().retry_after_ms, 0u);
  advance(100ms);
  EXPECT_EQ(spawned_, 2);
  EXPECT_TRUE((*send(service_, ping_request{}))->value().ready);
}

TEST_F(supervised_test, the_second_crash_in_a_row_waits_longer) {
  (void)send(service_, append_logs_request{});
  advance(100ms);
  (void)send(service_, append_logs_request{});
  advance(100ms);
  EXPECT_EQ(spawned_, 2);
  advance(100ms);
  EXPECT_EQ(spawned_, 3);
}

}  // namespace
}  // namespace troupe
