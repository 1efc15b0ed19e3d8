// Goal: what several brokers say of the same processes becomes one picture. Method: the pure rule.
#include "actors/bridge/topology_rules.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

node_view node(const std::string& name, const std::string& instance, const std::string& broker) {
  node_view out;
  out.name = name;
  out.instance = instance;
  out.services = {name};
  out.brokers = {broker};
  out.credit = 8;
  out.in_flight = 3;
  out.asked = 2;
  out.streams = 1;
  return out;
}

service_load load(const std::string& name) {
  service_load out;
  out.name = name;
  out.workers = 1;
  out.credit = 8;
  out.in_flight = 3;
  out.waiting.batch = 4;
  out.requests = 7;
  return out;
}

broker_report report(const std::string& address) {
  broker_report out;
  out.broker.address = address;
  out.broker.answered = true;
  return out;
}

TEST(topology_rules, a_process_that_two_brokers_see_is_one_with_sums) {
  auto a = report("tcp://a:1"), b = report("tcp://b:1");
  a.nodes = {node("auth", "01", "tcp://a:1")};
  b.nodes = {node("auth", "01", "tcp://b:1")};
  a.nodes[0].heard_ms = 900;
  b.nodes[0].heard_ms = 20;
  a.nodes[0].stuck_ms = 7000;
  b.nodes[0].draining = true;
  a.services = {load("auth")};
  b.services = {load("auth")};
  a.services[0].oldest_ms = 5;
  const auto all = topology_rules::merged({b, a}, 1700000000);
  EXPECT_EQ(all.taken_at, 1700000000);
  ASSERT_EQ(all.brokers.size(), 2u);
  EXPECT_EQ(all.brokers[0].address, "tcp://a:1") << "by address";
  ASSERT_EQ(all.nodes.size(), 1u);
  const auto& n = all.nodes[0];
  EXPECT_EQ(n.brokers, (std::vector<std::string>{"tcp://b:1", "tcp://a:1"}));
  EXPECT_EQ(n.services, (std::vector<std::string>{"auth"}));
  EXPECT_EQ(n.credit, 16u);
  EXPECT_EQ(n.in_flight, 6u);
  EXPECT_EQ(n.asked, 4u);
  EXPECT_EQ(n.streams, 2u);
  EXPECT_EQ(n.heard_ms, 20u);
  EXPECT_EQ(n.stuck_ms, 7000u);
  EXPECT_TRUE(n.draining);
  ASSERT_EQ(all.services.size(), 1u);
  EXPECT_EQ(all.services[0].workers, 1u) << "one process, whoever sees it";
  EXPECT_EQ(all.services[0].credit, 16u);
  EXPECT_EQ(all.services[0].waiting.batch, 8u);
  EXPECT_EQ(all.services[0].requests, 14u);
  EXPECT_EQ(all.services[0].oldest_ms, 5u);
}

TEST(topology_rules, processes_that_only_one_broker_sees_are_all_counted_as_workers) {
  auto a = report("tcp://a:1"), b = report("tcp://b:1");
  a.nodes = {node("auth", "01", "tcp://a:1")};
  b.nodes = {node("auth", "02", "tcp://b:1")};
  a.services = {load("auth")};
  b.services = {load("auth")};
  const auto all = topology_rules::merged({a, b}, 0);
  EXPECT_EQ(all.nodes.size(), 2u);
  EXPECT_EQ(all.services[0].workers, 2u);
}

TEST(topology_rules, a_broker_that_did_not_answer_is_in_the_picture) {
  auto silent = report("tcp://b:1");
  silent.broker.answered = false;
  silent.broker.detail = "no answer in time";
  const auto all = topology_rules::merged({report("tcp://a:1"), silent}, 0);
  ASSERT_EQ(all.brokers.size(), 2u);
  EXPECT_FALSE(all.brokers[1].answered);
  EXPECT_EQ(all.brokers[1].detail, "no answer in time");
}

TEST(topology_rules, the_picture_is_bounded) {
  auto a = report("tcp://a:1"), b = report("tcp://b:1");
  for (std::size_t n = 0; n < view_nodes_max; ++n) {
    const auto number = std::to_string(n);
    a.nodes.push_back(node("edge", "a" + number, "tcp://a:1"));
    b.nodes.push_back(node("edge", "b" + number, "tcp://b:1"));
    a.services.push_back(load("s" + number));
  }
  const auto all = topology_rules::merged({a, b}, 0);
  EXPECT_EQ(all.nodes.size(), view_nodes_max);
  EXPECT_EQ(all.more_nodes, view_nodes_max);
  EXPECT_EQ(all.services.size(), view_services_max);
  EXPECT_EQ(all.more_services, view_nodes_max - view_services_max);
}

} // namespace
} // namespace troupe
