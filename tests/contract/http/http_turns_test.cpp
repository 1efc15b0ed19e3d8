// Goal: a caller with many requests waits for itself, and for nobody else. Method: an edge that
// works on one request of a caller at a time, whose gates answer when the test lets them.
#include "tests/contract/http/fake_gates.hpp"
#include "tests/contract/http/raw_client.hpp"

#include <gtest/gtest.h>
#include <future>

namespace troupe::test {
namespace {

const std::string models = request("GET", "/v1/models");
const std::string models_of_other =
    request("GET", "/v1/models", {}, "Authorization: Bearer tr-other\r\n", false);

struct http_turns : testing::Test {
  http_turns() {
    on.gates->answers.post([wait = let_go.get_future()]() mutable { wait.wait(); });
  }
  ~http_turns() override { go_on(); }

  void go_on() {
    if (!std::exchange(went_on, true)) let_go.set_value();
  }
  int asked() {
    const std::lock_guard lock(on.gates->mutex);
    return on.gates->asked;
  }
  /// Whether that many requests have reached the gate, and no more do.
  bool reaches(int count) {
    if (!eventually([&] { return asked() >= count; })) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return asked() == count;
  }
  static http_config config() {
    http_config out;
    out.requests_per_caller = 1;
    return out;
  }

  std::promise<void> let_go;
  bool went_on = false;
  edge_under_test on{config()};
};

TEST_F(http_turns, a_callers_second_request_waits_and_another_callers_does_not) {
  raw_client first(on.port()), second(on.port()), other(on.port());
  first.send(models);
  ASSERT_TRUE(reaches(1));
  second.send(models);
  EXPECT_TRUE(reaches(1));
  other.send(models_of_other);
  EXPECT_TRUE(reaches(2));
  go_on();
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(second.read().status, 200);
  EXPECT_EQ(other.read().status, 200);
}

TEST_F(http_turns, a_chat_and_the_nodes_health_do_not_wait) {
  raw_client first(on.port()), chat(on.port()), health(on.port());
  first.send(models);
  ASSERT_TRUE(reaches(1));
  chat.send(request("POST", "/v1/chat/completions",
                    R"({"model":"hold","messages":[{"role":"user","content":"x"}]})"));
  EXPECT_NE(on.gates->stream(), nullptr);
  health.send(request("GET", "/health"));
  EXPECT_EQ(health.read().status, 200);
}

TEST_F(http_turns, who_hangs_up_while_it_waits_gives_up_its_place) {
  raw_client first(on.port()), third(on.port());
  auto second = std::make_unique<raw_client>(on.port());
  first.send(models);
  ASSERT_TRUE(reaches(1));
  second->send(models);
  EXPECT_TRUE(reaches(1));
  second->reset();
  third.send(models);
  EXPECT_TRUE(reaches(1));
  go_on();
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(third.read().status, 200);
  EXPECT_TRUE(reaches(2));
}

TEST_F(http_turns, past_a_thousand_that_wait_a_request_gets_429_and_had_not_begun) {
  // The bound knows nothing of TLS, and a thousand handshakes take seconds.
  if (over_tls) GTEST_SKIP() << "runs without TLS, in http_contract_test";
  std::vector<std::unique_ptr<raw_client>> clients;
  for (int n = 0; n < 1002; ++n) {
    clients.push_back(std::make_unique<raw_client>(on.port()));
    clients.back()->send(models);
  }
  // Which of them comes last is not known.
  const auto refused = [&] {
    return std::ranges::find_if(clients, [](auto& c) {
      return c->more(std::chrono::milliseconds(0)) || !c->buffer.empty();
    });
  };
  ASSERT_TRUE(eventually([&] { return refused() != clients.end(); }));
  const auto reply = (*refused())->read();
  EXPECT_EQ(reply.status, 429);
  EXPECT_TRUE(reply.headers.contains("retry-after"));
  EXPECT_NE(reply.body.find(R"("code":"too_many_waiting")"), std::string::npos) << reply.body;
  EXPECT_NE(reply.body.find(R"("started":"no")"), std::string::npos) << reply.body;
}

TEST_F(http_turns, what_waits_when_the_edge_ends_what_runs_had_not_begun) {
  raw_client first(on.port()), second(on.port());
  first.send(models);
  ASSERT_TRUE(reaches(1));
  second.send(models);
  EXPECT_TRUE(reaches(1));
  on.edge->end_streams(make_error(errc::draining, "the server is shutting down"));
  EXPECT_NE(first.read().body.find(R"("started":"unknown")"), std::string::npos);
  EXPECT_NE(second.read().body.find(R"("started":"no")"), std::string::npos);
}

} // namespace
} // namespace troupe::test
