// Goal: the provider adapter keeps the contract of llm_provider.hpp over real HTTP.
// Method: a loopback server plays one script a connection; the sink's calls are collected and
// compared, in order.
#include "adapters/llm/openai_provider.hpp"

#include "messages/base/limits.hpp"
#include "tests/contract/llm/scripted_server.hpp"

#include <condition_variable>
#include <future>
#include <gtest/gtest.h>
#include <mutex>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using test::connection;
using test::scripted_server;
using steady = std::chrono::steady_clock;

/// What a sink was told.
class recorder {
public:
  llm_sink sink() {
    llm_sink out;
    out.accepted = [this] { note([this] { accepted_ = true; }); };
    out.chunk = [this](json_text chunk) { note([&] { chunks_.push_back(std::move(chunk.raw)); }); };
    out.end = reply<json_text>([this](result<json_text> end) {
      note([&] {
        ++ends_;
        end_ = std::move(end);
      });
    });
    return out;
  }

  result<json_text> end(std::chrono::milliseconds within = 5s) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, within, [this] { return ends_ != 0; }))
      return fail(errc::internal, "no end within the test's patience");
    return *end_;
  }
  bool wait_chunks(std::size_t count, std::chrono::milliseconds within = 5s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, within, [&] { return chunks_.size() >= count; });
  }
  bool wait_accepted() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 5s, [this] { return accepted_; });
  }
  std::vector<std::string> chunks() {
    std::lock_guard lock(mutex_);
    return chunks_;
  }
  bool accepted() {
    std::lock_guard lock(mutex_);
    return accepted_;
  }
  int ends() {
    std::lock_guard lock(mutex_);
    return ends_;
  }

private:
  template <class Change>
  void note(Change change) {
    std::lock_guard lock(mutex_);
    EXPECT_EQ(ends_, 0) << "something came after the end";
    change();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool accepted_ = false;
  int ends_ = 0;
  std::vector<std::string> chunks_;
  std::optional<result<json_text>> end_;
};

const std::string completion = R"({"id":"c","object":"chat.completion","choices":[]})";
const std::string text_chunk = R"({"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]})";
const std::string finish_chunk =
  R"({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";

llm_config config_for(const scripted_server& server) {
  llm_config out;
  out.base_url = server.base_url();
  out.api_key.value = "sk-test";
  return out;
}

std::unique_ptr<llm_provider> provider_for(llm_config config) {
  auto made = make_llm_provider(std::move(config));
  EXPECT_TRUE(made.has_value());
  return made ? std::move(*made) : nullptr;
}

/// One call against one script.
struct exchange {
  exchange(scripted_server::script script, bool streamed = true, llm_config settings = {},
           std::chrono::milliseconds patience = 10s)
      : server(std::move(script)) {
    settings.base_url = server.base_url();
    provider = provider_for(std::move(settings));
    call = provider->chat({R"({"model":"m"})"}, streamed, steady::now() + patience, {}, seen.sink());
  }

  scripted_server server;
  recorder seen;
  std::unique_ptr<llm_provider> provider;
  std::unique_ptr<llm_call> call;
};

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

TEST(llm_provider, a_stream_keeps_its_connection_after_done_though_the_call_is_destroyed) {
  scripted_server server([](connection& peer) {
    while (!peer.read_request().empty()) {
      const auto data = "data: " + text_chunk + "\n\ndata: [DONE]\n\n";
      peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: " +
                std::to_string(data.size()) + "\r\n\r\n" + data);
    }
  });
  auto provider = provider_for(config_for(server));
  for (int i = 0; i < 5; ++i) {
    recorder seen;
    auto call = provider->chat({"{}"}, true, steady::now() + 5s, {}, seen.sink());
    ASSERT_TRUE(seen.end().has_value());
    call.reset();
    EXPECT_EQ(seen.chunks().size(), 1u);
    std::this_thread::sleep_for(2ms); // the response's end may come after [DONE]
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

TEST(llm_provider, a_stream_tells_accepted_then_chunks_then_an_empty_end) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.begin_stream();
    peer.send(": hello\n\n");
    peer.event(text_chunk);
    peer.event(finish_chunk);
    peer.event("[DONE]");
    peer.event(text_chunk); // ignored
  });
  const auto end = run.seen.end();
  ASSERT_TRUE(end.has_value()) << end.error().message;
  EXPECT_TRUE(end->raw.empty());
  EXPECT_TRUE(run.seen.accepted());
  EXPECT_EQ(run.seen.chunks(), (std::vector{text_chunk, finish_chunk}));
}

TEST(llm_provider, a_clean_end_after_a_finish_reason_is_good_without_done) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.begin_stream();
    peer.event(text_chunk);
    peer.event(finish_chunk);
  });
  EXPECT_TRUE(run.seen.end().has_value());
}

TEST(llm_provider, a_stream_that_ends_without_finish_reason_or_done_broke_off) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.begin_stream();
    peer.event(text_chunk);
  });
  const auto end = run.seen.end();
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, errc::upstream_failed);
  EXPECT_NE(end.error().message.find("broke off"), std::string::npos);
  EXPECT_EQ(run.seen.chunks().size(), 1u);
}

TEST(llm_provider, a_chunked_stream_cut_in_the_middle_broke_off) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
              "Transfer-Encoding: chunked\r\n\r\n");
    const auto data = "data: " + finish_chunk + "\n\n";
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    peer.send(size + data + "\r\n"); // and no last chunk
  });
  const auto end = run.seen.end();
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, errc::upstream_failed);
}

TEST(llm_provider, an_error_in_a_stream_ends_it_with_the_providers_words) {
  for (const auto* lines : {"data: {\"error\":{\"message\":\"out of tokens\"}}\n\n",
                            "event: error\ndata: {\"error\":{\"message\":\"out of tokens\"}}\n\n"}) {
    std::atomic<bool> closed = false;
    {
      exchange run([&](connection& peer) {
        peer.read_request();
        peer.begin_stream();
        peer.event(text_chunk);
        peer.send(lines);
        closed = peer.wait_closed(2s);
      });
      const auto end = run.seen.end();
      ASSERT_FALSE(end.has_value());
      EXPECT_EQ(end.error().code, errc::upstream_failed);
      EXPECT_NE(end.error().message.find("out of tokens"), std::string::npos);
      for (int i = 0; i < 200 && !closed; ++i) std::this_thread::sleep_for(5ms);
      EXPECT_TRUE(closed);
    }
  }
}

TEST(llm_provider, a_chunk_that_is_no_json_object_ends_the_stream) {
  for (const auto* chunk : {"{broken", "[1]", ""}) {
    exchange run([&](connection& peer) {
      peer.read_request();
      peer.begin_stream();
      peer.event(chunk);
      peer.wait_closed(2s);
    });
    const auto end = run.seen.end();
    ASSERT_FALSE(end.has_value()) << chunk;
    EXPECT_EQ(end.error().code, errc::upstream_failed);
    EXPECT_TRUE(run.seen.chunks().empty());
  }
}

TEST(llm_provider, a_providers_status_message_and_retry_after_are_kept) {
  struct row {
    int status;
    const char* headers;
    std::uint32_t retry_ms;
  };
  for (const auto& [status, headers, retry_ms] :
       {row{429, "Retry-After: 7\r\n", 7000}, row{429, "retry-after-ms: 250\r\nRetry-After: 7\r\n", 250},
        row{503, "Retry-After: nonsense\r\n", 0}, row{500, "", 0}, row{400, "", 0}}) {
    exchange run([&](connection& peer) {
      peer.read_request();
      peer.answer(status, R"({"error":{"message":"slow down","type":"t","param":null,"code":"c"}})", headers);
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

TEST(llm_provider, a_plain_answer_that_is_no_json_or_an_error_is_upstream_failed) {
  for (const auto* body : {"<html>", "", "{\"error\":{\"message\":\"inner\"}}"}) {
    exchange run([&](connection& peer) {
      peer.read_request();
      peer.answer(200, body);
    }, false);
    const auto end = run.seen.end();
    ASSERT_FALSE(end.has_value()) << body;
    EXPECT_EQ(end.error().code, errc::upstream_failed);
  }
}

TEST(llm_provider, a_plain_answer_past_its_bound_is_refused) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.answer(200, std::string(limits::body_bytes + 1, ' '));
  }, false);
  const auto end = run.seen.end();
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, errc::upstream_failed);
  EXPECT_NE(end.error().message.find("too large"), std::string::npos);
}

TEST(llm_provider, a_json_object_in_place_of_a_stream_is_an_error) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.answer(200, R"({"error":{"message":"no streams today"}})");
  });
  const auto end = run.seen.end();
  ASSERT_FALSE(end.has_value());
  EXPECT_NE(end.error().message.find("no streams today"), std::string::npos);
}

TEST(llm_provider, nobody_at_the_address_is_upstream_failed) {
  std::string url;
  { url = scripted_server([](connection&) {}).base_url(); }
  llm_config config;
  config.base_url = url;
  auto provider = provider_for(config);
  recorder seen;
  auto call = provider->chat({"{}"}, true, steady::now() + 5s, {}, seen.sink());
  const auto end = seen.end();
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, errc::upstream_failed);
  EXPECT_EQ(end.error().started, started_state::no);
}

TEST(llm_provider, a_silent_provider_is_given_up_after_the_first_byte_time_out) {
  llm_config config;
  config.first_byte_timeout = 100ms;
  exchange run([](connection& peer) {
    peer.read_request();
    peer.wait_closed(5s);
  }, true, config);
  const auto end = run.seen.end(2s);
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, errc::upstream_failed);
  EXPECT_NE(end.error().message.find("did not answer in time"), std::string::npos);
}

TEST(llm_provider, a_stream_that_stalls_is_given_up) {
  llm_config config;
  config.stall_timeout = 100ms;
  exchange run([](connection& peer) {
    peer.read_request();
    peer.begin_stream();
    peer.event(text_chunk);
    peer.wait_closed(5s);
  }, true, config);
  const auto end = run.seen.end(2s);
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, errc::upstream_failed);
  EXPECT_EQ(run.seen.chunks().size(), 1u);
}

TEST(llm_provider, the_deadline_ends_a_call) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.wait_closed(5s);
  }, true, {}, 100ms);
  const auto end = run.seen.end(2s);
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, errc::deadline_exceeded);
}

/// When the peer saw the connection close, after which script step.
void expect_prompt_close(bool headers, bool event) {
  std::promise<steady::time_point> closed;
  exchange run([&](connection& peer) {
    peer.read_request();
    if (headers) peer.begin_stream();
    if (event) peer.event(text_chunk);
    if (peer.wait_closed(5s)) closed.set_value(steady::now());
  });
  if (event) {
    ASSERT_TRUE(run.seen.wait_chunks(1));
  }
  if (headers) {
    ASSERT_TRUE(run.seen.wait_accepted());
  } else {
    while (run.server.connections() == 0) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(20ms);
  }
  const auto asked = steady::now();
  run.call->cancel();
  auto when = closed.get_future();
  ASSERT_EQ(when.wait_for(2s), std::future_status::ready);
  EXPECT_LT(when.get() - asked, 50ms);
  const auto end = run.seen.end();
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, errc::cancelled);
}

TEST(llm_provider, cancel_before_any_byte_closes_the_connection_at_once) {
  expect_prompt_close(false, false);
}
TEST(llm_provider, cancel_after_the_headers_closes_the_connection_at_once) {
  expect_prompt_close(true, false);
}
TEST(llm_provider, cancel_in_mid_stream_closes_the_connection_at_once) {
  expect_prompt_close(true, true);
}

TEST(llm_provider, destroying_the_call_cancels_it) {
  std::promise<bool> closed;
  exchange run([&](connection& peer) {
    peer.read_request();
    peer.begin_stream();
    closed.set_value(peer.wait_closed(2s));
  });
  ASSERT_TRUE(run.seen.wait_accepted());
  run.call.reset();
  EXPECT_TRUE(closed.get_future().get());
  EXPECT_EQ(run.seen.end().error().code, errc::cancelled);
}

TEST(llm_provider, no_more_chunks_come_than_credit_was_granted) {
  constexpr std::size_t total = 400;
  exchange run([](connection& peer) {
    peer.read_request();
    peer.begin_stream();
    for (std::size_t i = 0; i < total; ++i) peer.event(R"({"n":)" + std::to_string(i) + "}");
    peer.event("[DONE]");
  });
  ASSERT_TRUE(run.seen.wait_chunks(limits::stream_window_frames));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(run.seen.chunks().size(), limits::stream_window_frames);
  run.call->grant(10);
  ASSERT_TRUE(run.seen.wait_chunks(limits::stream_window_frames + 10));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(run.seen.chunks().size(), limits::stream_window_frames + 10);
  EXPECT_EQ(run.seen.ends(), 0);
  run.call->grant(1000);
  ASSERT_TRUE(run.seen.end().has_value());
  const auto chunks = run.seen.chunks();
  ASSERT_EQ(chunks.size(), total);
  for (std::size_t i = 0; i < total; ++i) EXPECT_EQ(chunks[i], R"({"n":)" + std::to_string(i) + "}");
}

TEST(llm_provider, without_credit_the_socket_is_not_read_and_time_does_not_count_as_a_stall) {
  llm_config config;
  config.stall_timeout = 150ms;
  std::promise<std::size_t> taken;
  exchange run([&](connection& peer) {
    peer.read_request();
    peer.begin_stream();
    const auto piece = "data: {\"pad\":\"" + std::string(8000, 'x') + "\"}\n\n";
    taken.set_value(peer.send_until_blocked(piece, 500ms));
    peer.wait_closed(5s);
  }, true, config);
  // The kernel's buffers on both sides and one of curl's: not the endless stream.
  EXPECT_LT(taken.get_future().get(), std::size_t{32} << 20);
  EXPECT_EQ(run.seen.chunks().size(), limits::stream_window_frames);
  EXPECT_EQ(run.seen.ends(), 0);
  run.call->grant(100);
  EXPECT_TRUE(run.seen.wait_chunks(limits::stream_window_frames + 100));
}

TEST(llm_provider, cancel_without_credit_ends_the_call) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.begin_stream();
    for (int i = 0; i < 200; ++i) peer.event(text_chunk);
    peer.event("[DONE]");
    peer.wait_closed(2s);
  });
  ASSERT_TRUE(run.seen.wait_chunks(limits::stream_window_frames));
  run.call->cancel();
  EXPECT_EQ(run.seen.end().error().code, errc::cancelled);
}

TEST(llm_provider, embeddings_and_models_have_their_routes) {
  std::mutex mutex;
  std::vector<std::string> requests;
  scripted_server server([&](connection& peer) {
    for (;;) {
      auto request = peer.read_request();
      if (request.empty()) return;
      peer.answer(200, R"({"object":"list","data":[]})");
      std::lock_guard lock(mutex);
      requests.push_back(std::move(request));
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

TEST(llm_provider, the_end_of_the_provider_ends_its_calls_and_their_handles_may_outlive_it) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.begin_stream();
    peer.wait_closed(5s);
  });
  ASSERT_TRUE(run.seen.wait_accepted());
  run.provider.reset();
  ASSERT_EQ(run.seen.ends(), 1);
  EXPECT_EQ(run.seen.end().error().code, errc::cancelled);
  run.call->grant(1);
  run.call->cancel();
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
    calls.push_back(provider->chat({R"({"n":)" + std::to_string(i) + "}"}, false, steady::now() + 10s,
                                   {}, seen[i].sink()));
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
} // namespace troupe
