// Goal: a process without a broker shows its services as they are, and one that hangs does not keep
// the answer back. Method: real actors on a real scheduler; one hangs as long as the test wants.
#include "actors/supervision/own_topology.hpp"

#include "actors/support/service.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <gtest/gtest.h>
#include <future>
#include <latch>

namespace troupe {
namespace {

using namespace std::chrono_literals;

using idle_service = service_protocol<ping_request>;

class idle_impl final : public service_base<idle_service> {
public:
  static inline const char* actor_name = "idle";
  idle_impl(pointer self, slot_registry& slots, int) : service_base(self, slots) {}
  using service_base::on;
  void on(call<ping_request>&, answer<ping_reply> a) { kept_.push_back(std::move(a)); }

private:
  std::vector<answer<ping_reply>> kept_; // never answered
};

class own_shape : public testing::Test {
protected:
  ~own_shape() override {
    for (auto& s : services_) caf::anon_send_exit(s.actor, caf::exit_reason::kill);
  }
  idle_service::actor spawn(const std::string& name) {
    const auto made = spawn_service<idle_service, idle_impl>(system_, 0);
    services_.push_back({name, caf::actor_cast<caf::actor>(made),
                         [made](self_task task) { post_to(made, std::move(task)); }});
    return made;
  }
  topology look(topology_source& at) {
    std::promise<topology> seen;
    at.look(reply<topology>([&](result<topology> r) { seen.set_value(std::move(*r)); }));
    return seen.get_future().get();
  }
  static void ping(const idle_service::actor& whom) {
    post_to(whom, call<ping_request>{{}, {}, {}});
  }

  caf::actor_system_config settings_;
  caf::actor_system system_{settings_};
  std::vector<own_service> services_;
};

TEST_F(own_shape, has_one_node_with_its_services_and_no_broker) {
  const auto auth = spawn("auth");
  spawn("log");
  ping(auth);
  ping(auth);
  const auto source =
      make_own_topology(system_, {"edge+auth", {"edge", "auth"}, services_, [] { return 5; }});
  const auto all = look(*source);
  EXPECT_TRUE(all.brokers.empty());
  ASSERT_EQ(all.nodes.size(), 1u);
  EXPECT_EQ(all.nodes[0].name, "edge+auth");
  EXPECT_EQ(all.nodes[0].instance.size(), 16u);
  EXPECT_EQ(all.nodes[0].services, (std::vector<std::string>{"auth", "log"}));
  EXPECT_EQ(all.nodes[0].in_flight, 2u);
  EXPECT_EQ(all.nodes[0].streams, 5u);
  EXPECT_EQ(all.nodes[0].stuck_ms, 0u);
  ASSERT_EQ(all.services.size(), 2u);
  EXPECT_EQ(all.services[0].name, "auth");
  EXPECT_EQ(all.services[0].workers, 1u);
  EXPECT_EQ(all.services[0].in_flight, 2u);
  EXPECT_EQ(all.services[0].requests, 2u);
  EXPECT_EQ(all.services[1].in_flight, 0u);
}

TEST_F(own_shape, counts_what_waits_behind_the_question) {
  const auto auth = spawn("auth");
  const auto held = std::make_shared<std::latch>(1), open = std::make_shared<std::latch>(1);
  post_to(auth, make_task([held, open] {
            held->count_down();
            open->wait();
          }));
  held->wait();
  const auto source = make_own_topology(system_, {"auth", {"auth"}, services_, nullptr});
  std::promise<topology> seen;
  source->look(reply<topology>([&](result<topology> r) { seen.set_value(std::move(*r)); }));
  for (int n = 0; n < 3; ++n) ping(auth);
  std::this_thread::sleep_for(30ms);
  open->count_down();
  const auto all = seen.get_future().get();
  EXPECT_EQ(all.services[0].waiting.normal, 3u);
  EXPECT_GE(all.services[0].oldest_ms, 30u) << "so long messages wait there";
}

TEST_F(own_shape, one_that_hangs_is_stuck_and_the_others_are_shown) {
  const auto hung = spawn("prompt");
  spawn("log");
  const auto open = std::make_shared<std::latch>(1); // the actor looks at it last
  post_to(hung, make_task([open] { open->wait(); }));
  const auto source = make_own_topology(system_, {"all", {"all"}, services_, nullptr});
  const auto began = std::chrono::steady_clock::now();
  const auto all = look(*source);
  EXPECT_LT(std::chrono::steady_clock::now() - began, topology_patience + 1s);
  EXPECT_GE(all.nodes[0].stuck_ms, 1000u);
  ASSERT_EQ(all.services.size(), 2u);
  EXPECT_GE(all.services[1].oldest_ms, 1000u);
  EXPECT_EQ(all.services[1].name, "prompt");
  EXPECT_LT(all.services[0].oldest_ms, 1000u);
  open->count_down();
}

} // namespace
} // namespace troupe
