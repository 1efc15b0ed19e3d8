// Goal: an edge starts honestly, lets running work end, and leaves nothing behind.
// Method: edges on free ports, told to drain and stop while requests run.
#include "tests/contract/http/fake_gates.hpp"
#include "tests/contract/http/raw_client.hpp"
#include "tests/support/loop_thread.hpp"

#include <gtest/gtest.h>

namespace troupe::test {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view streamed =
    R"({"model":"hold","stream":true,"messages":[{"role":"user","content":"x"}]})";

bool refused(std::uint16_t port) {
  try {
    raw_client client(port);
    return client.closed_within(milliseconds(500)) && client.buffer.empty();
  } catch (const std::runtime_error&) {
    return true;
  }
}

/// What a new connection's request gets; 0: the connection ended without an answer.
int status_of_new(const edge_under_test& on) {
  try {
    raw_client client(on.port());
    client.send(request("GET", "/health"));
    return client.read().status;
  } catch (const std::runtime_error&) {
    return 0;
  }
}

TEST(http_lifecycle, an_address_in_use_is_an_error_that_names_it) {
  edge_under_test first;
  http_config config;
  config.port = first.port();
  const auto second = make_http_edge(config, first.gates->all());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::conflict);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(first.port())),
            std::string::npos);
}

TEST(http_lifecycle, a_bad_address_is_an_error_that_names_it) {
  http_config config;
  config.address = "300.1.2.3";
  const auto made = make_http_edge(config, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::invalid_argument);
  EXPECT_NE(made.error().message.find("300.1.2.3:8000"), std::string::npos);
}

TEST(http_lifecycle, several_threads_share_the_connections) {
  http_config config;
  config.threads = 3;
  edge_under_test on(config);
  std::vector<std::unique_ptr<raw_client>> clients;
  for (int i = 0; i < 9; ++i) clients.push_back(std::make_unique<raw_client>(on.port()));
  for (auto& c : clients) c->send(request("GET", "/v1/models"));
  for (auto& c : clients) EXPECT_EQ(c->read().status, 200);
}

TEST(http_lifecycle, past_the_most_connections_a_new_one_gets_503_or_under_tls_nothing) {
  http_config config;
  config.connections_max = 1;
  edge_under_test on(config);
  raw_client first(on.port());
  first.send(request("GET", "/health"));
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(status_of_new(on), over_tls ? 0 : 503);
  first.close();
  EXPECT_TRUE(eventually([&] { return status_of_new(on) == 200; }));
}

TEST(http_lifecycle, past_the_most_connections_of_an_address_a_new_one_gets_429_or_nothing) {
  http_config config;
  config.connections_per_address = 2;
  edge_under_test on(config);
  raw_client first(on.port()), second(on.port());
  for (auto* client : {&first, &second}) {
    client->send(request("GET", "/health"));
    EXPECT_EQ(client->read().status, 200);
  }
  EXPECT_EQ(status_of_new(on), over_tls ? 0 : 429);
  first.close();
  EXPECT_TRUE(eventually([&] { return status_of_new(on) == 200; }));
}

TEST(http_lifecycle, a_trusted_proxy_may_have_more_connections_than_an_address) {
  http_config config;
  config.connections_per_address = 1;
  config.trusted_proxies = {"127.0.0.0/8"};
  edge_under_test on(config);
  raw_client first(on.port());
  first.send(request("GET", "/health"));
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(status_of_new(on), 200);
}

TEST(http_lifecycle, a_bad_proxy_is_an_error_that_names_it) {
  http_config config;
  config.port = 0;
  config.trusted_proxies = {"10.0.0.0/8", "10.0.0.0/40"};
  const auto made = make_http_edge(config, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::invalid_argument);
  EXPECT_NE(made.error().message.find("http.trusted_proxies: 10.0.0.0/40"), std::string::npos);
}

TEST(http_lifecycle, leaving_takes_connections_still_and_ends_them_with_their_answer) {
  edge_under_test on;
  raw_client kept(on.port());
  kept.send(request("GET", "/health"));
  EXPECT_EQ(kept.read().status, 200);
  on.edge->begin_leaving();
  EXPECT_FALSE(kept.closed_within(milliseconds(100))) << "its next request may be on its way";
  kept.send(request("GET", "/health"));
  const auto last = kept.read();
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.headers.at("connection"), "close");
  EXPECT_TRUE(kept.closed_within(milliseconds(500)));
  raw_client fresh(on.port());
  fresh.send(request("GET", "/ready"));
  EXPECT_EQ(fresh.read().status, 503);
}

TEST(http_lifecycle, large_bodies_are_bounded_together) {
  http_config config;
  config.held_bytes = 300'000;
  edge_under_test on(config);
  const std::string text(200'000, 'x');
  const auto body = R"({"model":"hold","messages":[{"role":"user","content":")" + text + R"("}]})";
  raw_client first(on.port()), second(on.port()), small(on.port());
  first.send(request("POST", "/v1/chat/completions", body));
  const auto stream = on.gates->stream();
  second.send(request("POST", "/v1/chat/completions", body));
  const auto refusal = second.read();
  EXPECT_EQ(refusal.status, 503);
  EXPECT_EQ(refusal.headers.count("retry-after"), 1u);
  EXPECT_NE(refusal.body.find(R"("code":"overloaded","started":"no")"), std::string::npos);
  small.send(request("GET", "/health"));
  EXPECT_EQ(small.read().status, 200);
  stream->good_end();
  EXPECT_EQ(first.read().status, 200);
  raw_client third(on.port());
  third.send(request("POST", "/v1/chat/completions", body));
  on.gates->stream(1)->good_end();
  EXPECT_EQ(third.read().status, 200);
}

TEST(http_lifecycle, draining_closes_idle_connections_at_once_and_lets_running_requests_end) {
  edge_under_test on;
  raw_client idle(on.port()), busy(on.port());
  idle.send(request("GET", "/health"));
  EXPECT_EQ(idle.read().status, 200);
  busy.send(request("POST", "/v1/chat/completions", streamed));
  const auto stream = on.gates->stream();
  stream->delta("1");
  ASSERT_TRUE(busy.wait_for("data: 1"));
  EXPECT_FALSE(on.edge->idle());
  on.edge->stop_accepting();
  EXPECT_TRUE(idle.closed_within(milliseconds(200)));
  EXPECT_TRUE(refused(on.port()));
  EXPECT_FALSE(on.edge->idle());
  stream->delta("2");
  stream->good_end();
  EXPECT_NE(busy.read().body.find("data: 2\n\ndata: [DONE]"), std::string::npos);
  EXPECT_TRUE(busy.closed_within(milliseconds(500)));
  EXPECT_TRUE(eventually([&] { return on.edge->idle(); }));
}

TEST(http_lifecycle, what_is_left_ends_with_an_error_event_or_an_error_answer) {
  edge_under_test on;
  raw_client begun(on.port()), waiting(on.port()), plain(on.port());
  begun.send(request("POST", "/v1/chat/completions", streamed));
  const auto first = on.gates->stream(0);
  first->delta("1");
  ASSERT_TRUE(begun.wait_for("data: 1"));
  waiting.send(request("POST", "/v1/chat/completions", streamed));
  const auto second = on.gates->stream(1);
  plain.send(request("POST", "/v1/chat/completions",
                     R"({"model":"hold","messages":[{"role":"user","content":"x"}]})"));
  const auto third = on.gates->stream(2);
  on.edge->stop_accepting();
  on.edge->end_streams(make_error(errc::draining, "the server is shutting down"));
  EXPECT_NE(begun.read().body.find("event: error\ndata: {\"error\":{\"message\":\"the server is"),
            std::string::npos);
  const auto answer = waiting.read();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_EQ(plain.read().status, 503);
  EXPECT_TRUE(begun.closed_within(milliseconds(500)));
  EXPECT_TRUE(eventually([&] { return on.edge->idle(); }));
  for (const auto& s : {first, second, third}) {
    EXPECT_EQ(s->cancels, 1);
    s->good_end();
  }
}

TEST(http_lifecycle, on_a_shared_loop_it_serves_and_leaves_nothing_behind) {
  loop_thread loop;
  {
    http_config config;
    config.loop = &loop.context();
    config.threads = 2;
    edge_under_test on(config);
    raw_client idle(on.port()), streaming(on.port()), half(on.port());
    idle.send(request("GET", "/health"));
    EXPECT_EQ(idle.read().status, 200);
    half.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Le");
    streaming.send(request("POST", "/v1/chat/completions", streamed));
    const auto stream = on.gates->stream();
    stream->delta("1");
    ASSERT_TRUE(streaming.wait_for("data: 1"));
    on.edge->stop();
    EXPECT_TRUE(loop.is_alive());
    stream->good_end();
    EXPECT_TRUE(idle.closed_within(milliseconds(500)));
    EXPECT_TRUE(streaming.closed_within(milliseconds(500)));
  }
  loop.end();
}

TEST(http_lifecycle, stop_is_quick_with_requests_running_and_late_answers_are_dropped) {
  edge_under_test on;
  raw_client client(on.port());
  client.send(request("POST", "/v1/chat/completions", streamed));
  const auto stream = on.gates->stream();
  const auto asked = std::chrono::steady_clock::now();
  on.edge->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - asked, milliseconds(500));
  EXPECT_EQ(stream->cancels, 1);
  EXPECT_TRUE(client.closed_within(milliseconds(500)));
  stream->delta("late");
  on.edge->stop();
  on.edge->stop_accepting();
  on.edge.reset();
  stream->delta("later");
  stream->good_end();
}

TEST(http_lifecycle, an_unanswered_request_ends_when_its_reply_is_destroyed) {
  edge_under_test on;
  raw_client client(on.port());
  client.send(request("POST", "/v1/chat/completions", streamed));
  const auto stream = on.gates->stream();
  stream->sink.end = {};
  EXPECT_EQ(client.read().status, 500);
}

} // namespace
} // namespace troupe::test
