// Goal: the provider adapter keeps the contract of llm_provider.hpp over real HTTP: requests, plain
// answers, errors, time-outs, bounds. Method: a loopback server plays one script a connection; the
// sink's calls are collected and compared, in order.
#include "tests/contract/llm/exchange.hpp"

#include "messages/base/limits.hpp"
#include "tests/support/loop_thread.hpp"

#include <future>
#include <mutex>

namespace troupe::test {
namespace {

TEST(llm_provider, a_plain_chat_posts_the_body_unchanged_with_key_and_trace) {
  std::promise<std::string> request;
  scripted_server server([&](connection& peer) {
    request.set_value(peer.read_request());
    peer.answer(200, completion);
  });
  auto config = config_for(server);
  config.organization = "org-1";
  config.project = "proj-1";
  auto provider = provider_for(config);
  recorder seen;
  const std::string body = R"({"model":"m" , "logit_bias":{"7":-1},"x":"é"})";
  auto call = provider->chat({body}, false, steady::now() + 5s, "00-trace-01", seen.sink());
  const auto end = seen.end();
  ASSERT_TRUE(end.has_value()) << end.error().message;
  EXPECT_EQ(end->raw, completion);
  EXPECT_TRUE(seen.accepted());
  const auto sent = request.get_future().get();
  EXPECT_TRUE(sent.starts_with("POST /v1/chat/completions HTTP/1.1\r\n")) << sent;
  EXPECT_TRUE(sent.ends_with("\r\n\r\n" + body)) << sent;
  for (const auto* header : {"Authorization: Bearer sk-test\r\n", "traceparent: 00-trace-01\r\n",
                             "OpenAI-Organization: org-1\r\n", "OpenAI-Project: proj-1\r\n",
                             "Content-Type: application/json\r\n"})
    EXPECT_NE(sent.find(header), sent.npos) << header;
  EXPECT_EQ(sent.find("Expect"), sent.npos);
}

TEST(llm_provider, calls_reuse_a_kept_alive_connection) {
  scripted_server server([](connection& peer) {
    while (!peer.read_request().empty()) peer.answer(200, completion);
  });
  auto provider = provider_for(config_for(server));
  for (int i = 0; i < 20; ++i) {
    recorder seen;
    auto call = provider->chat({"{}"}, false, steady::now() + 5s, {}, seen.sink());
    ASSERT_TRUE(seen.end().has_value());
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(llm_provider, a_kept_alive_connection_that_the_provider_closed_is_replaced_silently) {
  scripted_server server([](connection& peer) {
    peer.read_request();
    peer.answer(200, completion);
  });
  auto provider = provider_for(config_for(server));
  for (int i = 0; i < 5; ++i) {
    recorder seen;
    auto call = provider->chat({"{}"}, false, steady::now() + 5s, {}, seen.sink());
    const auto end = seen.end();
    ASSERT_TRUE(end.has_value()) << end.error().message;
  }
  EXPECT_EQ(server.connections(), 5);
}

TEST(llm_provider, a_providers_status_message_and_retry_after_are_kept) {
  struct row {
    int status;
    const char* headers;
    std::uint32_t retry_ms;
  };
  for (const auto& [status, headers, retry_ms] :
       {row{429, "Retry-After: 7\r\n", 7000},
        row{429, "retry-after-ms: 250\r\nRetry-After: 7\r\n", 250},
        row{503, "Retry-After: nonsense\r\n", 0}, row{500, "", 0}, row{400, "", 0}}) {
    exchange run([&](connection& peer) {
      peer.read_request();
      peer.answer(status, R"({"error":{"message":"slow down","type":"t","param":null,"code":"c"}})",
                  headers);
    });
    const auto end = run.seen.end();
    ASSERT_FALSE(end.has_value());
    EXPECT_EQ(end.error().status, status);
    EXPECT_EQ(end.error().retry_after_ms, retry_ms) << headers;
    EXPECT_NE(end.error().message.find("slow down"), std::string::npos);
    EXPECT_FALSE(run.seen.accepted());
  }
}

TEST(llm_provider, an_endless_error_body_is_read_no_further_than_its_bound) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.answer(500, std::string(std::size_t{1} << 20, 'x'));
  });
  const auto end = run.seen.end();
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().status, 500);
  EXPECT_LE(end.error().message.size(), std::size_t{64} << 10);
}

TEST(llm_provider, a_plain_answer_past_its_bound_is_refused) {
  exchange run(
      [](connection& peer) {
        peer.read_request();
        peer.answer(200, std::string(limits::body_bytes + 1, ' '));
      },
      false);
  const auto end = run.seen.end();
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, errc::upstream_failed);
  EXPECT_NE(end.error().message.find("too large"), std::string::npos);
}

TEST(llm_provider, a_silent_provider_is_given_up_after_the_first_byte_time_out) {
  llm_config config;
  config.first_byte_timeout = 100ms;
  exchange run(
      [](connection& peer) {
        peer.read_request();
        peer.wait_closed(5s);
      },
      true, config);
  const auto end = run.seen.end(2s);
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, errc::upstream_failed);
  EXPECT_NE(end.error().message.find("did not answer in time"), std::string::npos);
}

TEST(llm_provider, the_deadline_ends_a_call) {
  exchange run(
      [](connection& peer) {
        peer.read_request();
        peer.wait_closed(5s);
      },
      true, {}, 100ms);
  const auto end = run.seen.end(2s);
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, errc::deadline_exceeded);
}

TEST(llm_provider, embeddings_and_models_have_their_routes) {
  std::mutex mutex;
  std::vector<std::string> requests;
  scripted_server server([&](connection& peer) {
    for (;;) {
      auto request = peer.read_request();
      if (request.empty()) return;
      {
        std::lock_guard lock(mutex);
        requests.push_back(std::move(request));
      }
      peer.answer(200, R"({"object":"list","data":[]})"); // after which the test looks
    }
  });
  auto provider = provider_for(config_for(server));
  recorder first, second;
  provider->embeddings({R"({"input":"x"})"}, steady::now() + 5s, std::move(first.sink().end));
  ASSERT_TRUE(first.end().has_value());
  provider->models(steady::now() + 5s, std::move(second.sink().end));
  ASSERT_TRUE(second.end().has_value());
  std::lock_guard lock(mutex);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_TRUE(requests[0].starts_with("POST /v1/embeddings "));
  EXPECT_TRUE(requests[0].ends_with(R"({"input":"x"})"));
  EXPECT_TRUE(requests[1].starts_with("GET /v1/models "));
}

TEST(llm_provider, many_calls_at_once_each_get_their_own_answer) {
  scripted_server server([](connection& peer) {
    for (;;) {
      const auto request = peer.read_request();
      if (request.empty()) return;
      peer.answer(200, request.substr(request.find("\r\n\r\n") + 4));
    }
  });
  auto config = config_for(server);
  config.connections_max = 8;
  std::vector<recorder> seen(200);
  auto provider = provider_for(config);
  std::vector<std::unique_ptr<llm_call>> calls;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    calls.push_back(provider->chat({R"({"n":)" + std::to_string(i) + "}"}, false,
                                   steady::now() + 10s, {}, seen[i].sink()));
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const auto end = seen[i].end();
    ASSERT_TRUE(end.has_value()) << end.error().message;
    EXPECT_EQ(end->raw, R"({"n":)" + std::to_string(i) + "}");
  }
  EXPECT_LE(server.connections(), 8);
}

TEST(llm_provider, calls_past_the_bound_are_overloaded) {
  scripted_server server([](connection& peer) { peer.wait_closed(10s); });
  auto config = config_for(server);
  config.connections_max = 2;
  std::vector<recorder> seen(limits::upstream_calls + 1);
  auto provider = provider_for(config);
  std::vector<std::unique_ptr<llm_call>> calls;
  for (auto& each : seen)
    calls.push_back(provider->chat({"{}"}, false, steady::now() + 20s, {}, each.sink()));
  EXPECT_EQ(seen.back().end().error().code, errc::overloaded);
  EXPECT_EQ(seen.front().ends(), 0);
  calls.clear();
  EXPECT_EQ(seen.front().end().error().code, errc::cancelled);
}

TEST(llm_provider, on_a_shared_loop_it_calls_and_leaves_nothing_behind) {
  scripted_server server([](connection& peer) {
    while (!peer.read_request().empty()) peer.answer(200, completion);
  });
  scripted_server silent([](connection& peer) {
    peer.read_request();
    peer.read_request(); // until the client closes
  });
  loop_thread loop;
  recorder answered, cut;
  {
    auto config = config_for(server);
    config.loop = &loop.context();
    auto provider = provider_for(config);
    auto held_config = config_for(silent);
    held_config.loop = &loop.context();
    auto held = provider_for(held_config);
    auto unanswered = held->chat({"{}"}, false, steady::now() + 5s, {}, cut.sink());
    auto call = provider->chat({"{}"}, false, steady::now() + 5s, {}, answered.sink());
    EXPECT_TRUE(answered.end().has_value());
    held.reset();
    EXPECT_EQ(cut.end().error().code, errc::cancelled);
    EXPECT_TRUE(loop.is_alive());
  }
  loop.end();
}

TEST(llm_provider, a_base_url_that_is_none_is_refused) {
  for (const auto* url : {"", "api.example.com/v1", "ftp://example.com", "http://"}) {
    llm_config config;
    config.base_url = url;
    EXPECT_EQ(make_llm_provider(config).error().code, errc::invalid_argument) << url;
  }
  llm_config config;
  config.base_url = "http://127.0.0.1:1/v1";
  config.api_key.value = "a\r\nX-Evil: 1";
  EXPECT_EQ(make_llm_provider(config).error().code, errc::invalid_argument);
}

} // namespace
} // namespace troupe::test
