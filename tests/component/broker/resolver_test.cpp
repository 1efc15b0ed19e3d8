// Goal: names lead to all of their addresses, and a name server that fails or hangs harms nothing.
// Method: the resolver with a lookup of the test's own, and once with the system's.
#include "broker/zmq/resolver.hpp"

#include "broker/zmq/address.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

namespace troupe::wire {
namespace {

using namespace std::chrono_literals;
using addresses = std::vector<std::string>;

const std::string a = "tcp://10.0.0.1:7700", c = "tcp://[::1]:7700";

TEST(broker_address, of_the_whole_machine_is_reached_on_loopback) {
  EXPECT_EQ(reachable("tcp://0.0.0.0:7700"), "tcp://127.0.0.1:7700");
  EXPECT_EQ(reachable("tcp://*:7700"), "tcp://127.0.0.1:7700");
  EXPECT_EQ(reachable("tcp://[::]:7700"), "tcp://[::1]:7700");
  EXPECT_EQ(reachable("tcp://10.0.0.1:7700"), "tcp://10.0.0.1:7700");
  EXPECT_EQ(reachable("tcp://brokers:7700"), "tcp://brokers:7700");
}

TEST(broker_address, that_others_speak_of_is_followed_where_its_key_proves_it) {
  for (const char* other : {"10.0.0.1", "2001:db8::1"}) {
    EXPECT_TRUE(may_follow(other, true, false)) << other;
    EXPECT_TRUE(may_follow(other, true, true)) << other;
    EXPECT_FALSE(may_follow(other, false, true)) << other;
  }
  for (const char* own : {"127.0.0.1", "127.1.2.3", "::1"})
    for (const bool is_encrypted : {false, true}) {
      EXPECT_TRUE(may_follow(own, is_encrypted, true)) << own;
      EXPECT_FALSE(may_follow(own, is_encrypted, false)) << own << " of another machine";
    }
  for (const char* none : {"0.0.0.0", "::", "*", "broker.example", "localhost", ""})
    EXPECT_FALSE(may_follow(none, true, true)) << none;
}

TEST(broker_address, is_taken_apart_and_put_together) {
  for (const auto& address : {a, c}) {
    const auto [host, port] = split_address(address);
    EXPECT_TRUE(is_literal(host));
    EXPECT_EQ(join_address(host, port), address);
  }
  EXPECT_EQ(split_address("tcp://broker.local:7700").host, "broker.local");
  EXPECT_FALSE(is_literal("broker.local"));
  for (const auto* wrong : {"", "tcp://", "tcp://host", "tcp://:7700", "tcp://host:", "udp://h:1"})
    EXPECT_TRUE(split_address(wrong).host.empty()) << wrong;
}

TEST(resolver, tells_literal_addresses_at_once_and_asks_nobody) {
  addresses found;
  const resolver r(
      {a, c}, [&](addresses all) { found = std::move(all); }, 1h,
      [](const std::string&) -> addresses { throw std::logic_error("asked"); });
  EXPECT_EQ(found, (addresses{a, c}));
}

TEST(resolver, has_all_records_of_a_name_and_keeps_the_last_good_ones) {
  std::atomic<int> round = 0;
  std::promise<addresses> first, last;
  resolver r(
      {a, "tcp://brokers:7701"},
      [&](addresses all) {
        if (round == 1) first.set_value(all);
        if (round == 3) last.set_value(all);
      },
      1ms,
      [&](const std::string& host) -> addresses {
        EXPECT_EQ(host, "brokers");
        return ++round == 1 ? addresses{"10.0.0.8", "10.0.0.9"} : addresses{};
      });
  const addresses whole{a, "tcp://10.0.0.8:7701", "tcp://10.0.0.9:7701"};
  EXPECT_EQ(first.get_future().get(), whole);
  EXPECT_EQ(last.get_future().get(), whole);
}

TEST(resolver, does_not_wait_for_a_name_server_at_its_end) {
  const auto release = std::make_shared<std::promise<void>>();
  const auto held = release->get_future().share();
  const auto begin = std::chrono::steady_clock::now();
  {
    const resolver r(
        {"tcp://brokers:7701"}, [](const addresses&) { FAIL() << "told at its end"; }, 1ms,
        [held](const std::string&) -> addresses {
          held.wait();
          return {};
        });
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  release->set_value();
}

TEST(resolver, knows_the_name_of_this_machine) {
  EXPECT_EQ(resolver::system_lookup("localhost").at(0), "127.0.0.1");
  EXPECT_TRUE(resolver::system_lookup("no-such-name.invalid").empty());
}

} // namespace
} // namespace troupe::wire
