// Goal: streams of the provider adapter keep the contract: order, credit, honest ends, cancel at
// once. Method: as llm_contract_test.cpp.
#include "tests/contract/llm/exchange.hpp"

#include "messages/base/limits.hpp"

#include <atomic>
#include <cstdio>
#include <future>

namespace troupe::test {
namespace {

TEST(llm_stream, a_stream_keeps_its_connection_after_done_though_the_call_is_destroyed) {
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

TEST(llm_stream, a_stream_tells_accepted_then_chunks_then_an_empty_end) {
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

TEST(llm_stream, a_clean_end_after_a_finish_reason_is_good_without_done) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.begin_stream();
    peer.event(text_chunk);
    peer.event(finish_chunk);
  });
  EXPECT_TRUE(run.seen.end().has_value());
}

TEST(llm_stream, a_stream_that_ends_without_finish_reason_or_done_broke_off) {
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

TEST(llm_stream, a_chunked_stream_cut_in_the_middle_broke_off) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
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

TEST(llm_stream, an_error_in_a_stream_ends_it_with_the_providers_words) {
  for (const auto* lines :
       {"data: {\"error\":{\"message\":\"out of tokens\"}}\n\n",
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

TEST(llm_stream, a_chunk_that_is_no_json_object_ends_the_stream) {
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

TEST(llm_stream, a_plain_answer_that_is_no_json_or_an_error_is_upstream_failed) {
  for (const auto* body : {"<html>", "", "{\"error\":{\"message\":\"inner\"}}"}) {
    exchange run(
        [&](connection& peer) {
          peer.read_request();
          peer.answer(200, body);
        },
        false);
    const auto end = run.seen.end();
    ASSERT_FALSE(end.has_value()) << body;
    EXPECT_EQ(end.error().code, errc::upstream_failed);
  }
}

TEST(llm_stream, a_json_object_in_place_of_a_stream_is_an_error) {
  exchange run([](connection& peer) {
    peer.read_request();
    peer.answer(200, R"({"error":{"message":"no streams today"}})");
  });
  const auto end = run.seen.end();
  ASSERT_FALSE(end.has_value());
  EXPECT_NE(end.error().message.find("no streams today"), std::string::npos);
}

TEST(llm_stream, nobody_at_the_address_is_upstream_failed) {
  std::string url;
  {
    url = scripted_server([](connection&) {}).base_url();
  }
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

TEST(llm_stream, a_stream_that_stalls_is_given_up) {
  llm_config config;
  config.stall_timeout = 100ms;
  exchange run(
      [](connection& peer) {
        peer.read_request();
        peer.begin_stream();
        peer.event(text_chunk);
        peer.wait_closed(5s);
      },
      true, config);
  const auto end = run.seen.end(2s);
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, errc::upstream_failed);
  EXPECT_EQ(run.seen.chunks().size(), 1u);
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

TEST(llm_stream, cancel_before_any_byte_closes_the_connection_at_once) {
  expect_prompt_close(false, false);
}
TEST(llm_stream, cancel_after_the_headers_closes_the_connection_at_once) {
  expect_prompt_close(true, false);
}
TEST(llm_stream, cancel_in_mid_stream_closes_the_connection_at_once) {
  expect_prompt_close(true, true);
}

TEST(llm_stream, destroying_the_call_cancels_it) {
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

TEST(llm_stream, no_more_chunks_come_than_credit_was_granted) {
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
  for (std::size_t i = 0; i < total; ++i)
    EXPECT_EQ(chunks[i], R"({"n":)" + std::to_string(i) + "}");
}

TEST(llm_stream, without_credit_the_socket_is_not_read_and_time_does_not_count_as_a_stall) {
  llm_config config;
  config.stall_timeout = 150ms;
  std::promise<std::size_t> taken;
  exchange run(
      [&](connection& peer) {
        peer.read_request();
        peer.begin_stream();
        const auto piece = "data: {\"pad\":\"" + std::string(8000, 'x') + "\"}\n\n";
        taken.set_value(peer.send_until_blocked(piece, 500ms));
        peer.wait_closed(5s);
      },
      true, config);
  // The kernel's buffers on both sides and one of curl's: not the endless stream.
  EXPECT_LT(taken.get_future().get(), std::size_t{32} << 20);
  EXPECT_EQ(run.seen.chunks().size(), limits::stream_window_frames);
  EXPECT_EQ(run.seen.ends(), 0);
  run.call->grant(100);
  EXPECT_TRUE(run.seen.wait_chunks(limits::stream_window_frames + 100));
}

TEST(llm_stream, cancel_without_credit_ends_the_call) {
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

TEST(llm_stream, the_end_of_the_provider_ends_its_calls_and_their_handles_may_outlive_it) {
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

} // namespace
} // namespace troupe::test
