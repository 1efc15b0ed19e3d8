// Goal: with several brokers over TCP none is special: requests use all, nodes find those that they
// were not told of, and streams outlive the broker that they began at. Method: as bus_test.cpp,
// with two brokers; what only the loss of a process shows is in tests/fault.
#include "tests/component/broker/counting_worker.hpp"

#include <set>

namespace troupe {
namespace {

TEST(brokers, requests_are_answered_whichever_they_take) {
  const auto a = make_broker(), b = make_broker();
  const std::vector both{a->address(), b->address()};
  node worker(both, "auth", {{"auth"}}, echo);
  node client(both, "prompt", {});
  for (int n = 0; n < 20; ++n)
    EXPECT_EQ(client.finished(client.ask("auth.me/v1", "hello")), "hello");
}

TEST(brokers, streams_go_on_when_the_brokers_that_they_began_at_end_one_after_the_other) {
  auto a = make_broker(), b = make_broker();
  const std::vector both{a->address(), b->address()};
  counting_worker worker(both);
  node client(both, "log", {});
  std::vector<call_id> calls;
  for (int n = 0; n < 8; ++n) calls.push_back(client.ask("prompt.chat/v1", {}, 60s));
  for (const auto& cid : calls) ASSERT_TRUE(client.wait_partials(cid, 5));
  const auto addresses = both;
  a.reset();
  for (const auto& cid : calls)
    ASSERT_TRUE(client.wait_partials(cid, client.partials(cid).size() + 10));
  a = make_broker(addresses[0]);
  std::this_thread::sleep_for(2s); // longer than any back-off: the nodes have found it again
  b.reset();
  for (const auto& cid : calls)
    ASSERT_TRUE(client.wait_partials(cid, client.partials(cid).size() + 10));
  worker.stop_counting();
  for (const auto& cid : calls) expect_whole(client, cid);
}

TEST(brokers, a_node_finds_a_broker_that_only_others_know) {
  auto a = make_broker();
  const auto b = make_broker();
  node worker({a->address(), b->address()}, "auth", {{"auth"}}, echo);
  node client(a->address(), "prompt", {});
  EXPECT_EQ(client.finished(client.ask("auth.me/v1", "hello")), "hello");
  std::this_thread::sleep_for(2500ms); // two heartbeats, and a connection
  a.reset();
  EXPECT_TRUE(eventually(
      [&] { return client.finished(client.ask("auth.me/v1", "hello", 1s)) == "hello"; }, 3s));
}

TEST(brokers, a_name_leads_to_them) {
  const auto a = make_broker();
  const auto port = a->address().substr(a->address().rfind(':'));
  node worker("tcp://localhost" + port, "auth", {{"auth"}}, echo);
  node client("tcp://localhost" + port, "prompt", {});
  EXPECT_EQ(client.finished(client.ask("auth.me/v1", "hello")), "hello");
}

TEST(brokers, an_address_where_nobody_listens_does_no_harm) {
  const auto a = make_broker();
  const auto port = a->address().substr(a->address().rfind(':'));
  const std::vector both{a->address(), "tcp://127.0.0.2" + port};
  node worker(both, "auth", {{"auth"}}, echo);
  node client(both, "prompt", {});
  for (int n = 0; n < 20; ++n)
    EXPECT_EQ(client.finished(client.ask("auth.me/v1", "hello")), "hello");
}

} // namespace
} // namespace troupe
