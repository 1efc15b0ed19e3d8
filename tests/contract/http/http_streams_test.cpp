// Goal: streams are honest, flow with the reader's pace, and end when the reader goes.
// Method: a fake chat gate whose streams the test drives by hand, over loopback sockets.
#include "tests/contract/http/fake_gates.hpp"
#include "tests/contract/http/raw_client.hpp"

#include <gtest/gtest.h>

namespace troupe::test {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr std::string_view streamed =
    R"({"model":"hold","stream":true,"messages":[{"role":"user","content":"x"}]})";
constexpr std::string_view plain = R"({"model":"hold","messages":[{"role":"user","content":"x"}]})";

http_config quick() {
  http_config out;
  out.sse_heartbeat = milliseconds(150);
  out.sweep = milliseconds(10);
  out.write_timeout = milliseconds(600);
  return out;
}

class http_streams : public ::testing::Test {
protected:
  std::shared_ptr<running_stream> begin(raw_client& client, std::string_view body = streamed,
                                        std::string_view path = "/v1/chat/completions") {
    const auto before = count();
    client.send(request("POST", path, body));
    return on.gates->stream(before);
  }
  std::size_t count() {
    const std::lock_guard lock(on.gates->mutex);
    return on.gates->streams.size();
  }
  edge_under_test on{quick()};
};

TEST_F(http_streams, a_plain_chat_is_answered_with_the_gates_body) {
  raw_client client(on.port());
  client.send(request("POST", "/v1/chat/completions",
                      R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":[1]})"));
  const auto got = client.read();
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, R"({"object":"chat.completion"})");
  const auto seen = on.gates->stream();
  EXPECT_NE(seen->request.body.raw.find(R"("tools":[1])"), std::string::npos);
  EXPECT_FALSE(seen->request.stream);
  EXPECT_GT(seen->context.deadline - clock::now(), limits::chat_timeout - std::chrono::seconds(5));
  EXPECT_EQ(seen->cancels, 0);
}

TEST_F(http_streams, deltas_come_in_order_as_data_lines_and_done_ends_them) {
  raw_client client(on.port());
  const auto stream = begin(client);
  for (int i = 0; i < 5; ++i) stream->delta(std::to_string(i));
  stream->good_end();
  const auto got = client.read();
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.headers.at("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(got.headers.at("x-accel-buffering"), "no");
  EXPECT_EQ(got.headers.at("cache-control"), "no-cache");
  EXPECT_TRUE(got.chunked);
  EXPECT_EQ(got.body, "data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\ndata: [DONE]\n\n");
  EXPECT_EQ(stream->cancels, 0);
  client.send(request("GET", "/health"));
  EXPECT_EQ(client.read().status, 200) << "the connection is kept";
}

TEST_F(http_streams, named_events_have_their_names_and_no_done) {
  raw_client client(on.port());
  const auto stream =
      begin(client, R"({"message":"hi","model":"hold","conversation_id":"c"})", "/v1/chat/stream");
  EXPECT_EQ(stream->request.format, chat_format::events);
  ASSERT_TRUE(stream->request.turn);
  EXPECT_EQ(stream->request.turn->conversation_id, "c");
  stream->delta(R"({"text":"a"})", "token");
  stream->delta("{\"x\":\n1}", "done");
  stream->good_end();
  EXPECT_EQ(client.read().body,
            "event: token\ndata: {\"text\":\"a\"}\n\nevent: done\ndata: {\"x\":\ndata: 1}\n\n");
}

TEST_F(http_streams, a_failure_before_the_first_delta_keeps_its_true_status) {
  raw_client client(on.port());
  auto why = make_error(errc::not_found, "no such model", "model");
  why.reason = "model_not_found";
  begin(client)->sink.end.fail(why);
  const auto got = client.read();
  EXPECT_EQ(got.status, 404);
  EXPECT_EQ(
      got.body,
      R"({"error":{"message":"no such model","type":"not_found_error","param":"model","code":"model_not_found"}})");
}

TEST_F(http_streams, a_failure_after_the_first_delta_is_an_error_event_and_no_done) {
  raw_client client(on.port());
  const auto stream = begin(client);
  stream->delta("1");
  stream->sink.end.fail(make_error(errc::upstream_failed, "broke off"));
  const auto got = client.read();
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body,
            "data: 1\n\nevent: error\ndata: {\"error\":{\"message\":\"broke off\","
            "\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_failed\","
            "\"started\":\"yes\",\"events\":1}}\n\n");
  client.send(request("GET", "/health"));
  EXPECT_EQ(client.read().status, 200) << "the chunked body ended as it should";
}

TEST_F(http_streams, a_request_that_nobody_has_admitted_keeps_its_status_however_long_it_takes) {
  raw_client client(on.port());
  const auto stream = begin(client);
  std::this_thread::sleep_for(milliseconds(400)); // more than two heartbeats
  stream->sink.end.fail(make_error(errc::unauthenticated, "who are you?"));
  EXPECT_EQ(client.read().status, 401);
}

TEST_F(http_streams, an_opened_stream_and_its_first_events_may_come_together) {
  raw_client client(on.port());
  const auto stream = begin(client);
  stream->delta("", "open");
  stream->delta("1");
  stream->good_end();
  const auto got = client.read();
  EXPECT_EQ(got.status, 200);
  const auto first = got.body.find("data: 1\n\ndata: [DONE]\n\n");
  ASSERT_NE(first, std::string::npos);
  EXPECT_TRUE(first == 0 || got.body.starts_with(": \n\n")) << "a comment, or nothing before it";
}

TEST_F(http_streams, an_opening_gives_its_frame_of_credit_back) {
  raw_client client(on.port());
  const auto stream = begin(client);
  stream->delta("", "open");
  EXPECT_TRUE(eventually([&] { return stream->frames == 1; }));
  stream->good_end();
  EXPECT_EQ(client.read().status, 200);
}

TEST_F(http_streams, headers_go_out_with_a_comment_when_the_stream_opens_and_heartbeats_follow) {
  raw_client client(on.port());
  const auto stream = begin(client);
  stream->delta("", "open");
  ASSERT_TRUE(client.wait_for(": \n\n"));
  ASSERT_TRUE(client.wait_for(": \n\n\r\n4\r\n: \n\n")) << "a heartbeat";
  stream->sink.end.fail(make_error(errc::unavailable, "late"));
  EXPECT_NE(client.read().body.find("event: error"), std::string::npos);
}

TEST_F(http_streams, http_1_0_reads_a_stream_until_the_close) {
  raw_client client(on.port());
  client.send("POST /v1/chat/completions HTTP/1.0\r\nAuthorization: Bearer k\r\nContent-Length: " +
              std::to_string(streamed.size()) + "\r\n\r\n" + std::string(streamed));
  const auto stream = on.gates->stream();
  stream->delta("1");
  stream->good_end();
  const auto got = client.read();
  EXPECT_FALSE(got.chunked);
  EXPECT_EQ(got.body, "data: 1\n\ndata: [DONE]\n\n");
}

TEST_F(http_streams, a_client_that_goes_away_cancels_at_once_at_any_moment) {
  enum class way { close, reset, half };
  for (const auto how : {way::close, way::reset, way::half}) {
    for (const int moment : {0, 1, 2}) { // plain, before the first delta, in mid-stream
      raw_client client(on.port());
      const auto stream = begin(client, moment == 0 ? plain : streamed);
      if (moment == 2) {
        stream->delta("1");
        ASSERT_TRUE(client.wait_for("data: 1"));
      }
      const auto left = clock::now();
      if (how == way::close)
        client.close();
      else if (how == way::reset)
        client.reset();
      else
        client.end_sending();
      ASSERT_TRUE(eventually([&] { return stream->cancels == 1; }));
      EXPECT_LT(clock::now() - left, milliseconds(50)) << moment;
      stream->delta("late");
      stream->good_end();
    }
  }
  EXPECT_TRUE(eventually([&] { return on.edge->idle(); }));
}

TEST_F(http_streams, a_hang_up_is_seen_behind_a_request_sent_ahead) {
  raw_client client(on.port());
  const auto stream = begin(client);
  client.send(request("GET", "/health"));
  std::this_thread::sleep_for(milliseconds(20));
  client.close();
  EXPECT_TRUE(eventually([&] { return stream->cancels == 1; }, milliseconds(50)));
  stream->sink.end.fail(make_error(errc::cancelled, "gone"));
}

TEST_F(http_streams, a_hang_up_is_seen_behind_more_than_is_read_ahead) {
  raw_client client(on.port());
  const auto stream = begin(client);
  std::string ahead;
  while (ahead.size() < 100'000) ahead += request("GET", "/health");
  client.send(ahead);
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_EQ(stream->cancels, 0);
  client.close();
  EXPECT_TRUE(eventually([&] { return stream->cancels == 1; }, milliseconds(300)));
  stream->sink.end.fail(make_error(errc::cancelled, "gone"));
}

TEST_F(http_streams, thousands_of_refusals_sent_ahead_are_all_answered) {
  raw_client client(on.port());
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "GET /x HTTP/1.1\r\nHost:t\r\n\r\n";
  client.send(text);
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(client.read().status, 404) << i;
}

TEST_F(http_streams, credit_comes_back_as_the_socket_takes_the_bytes) {
  raw_client client(on.port());
  const auto stream = begin(client);
  for (int i = 0; i < 10; ++i) stream->delta("12345");
  EXPECT_TRUE(eventually([&] { return stream->frames == 10 && stream->bytes == 50; }));
  stream->good_end();
  EXPECT_EQ(client.read().status, 200);
}

TEST_F(http_streams, a_reader_that_stops_holds_its_producers_credit_and_is_let_go_in_the_end) {
  raw_client client(on.port(), 4096);
  const auto stream = begin(client);
  const std::string piece(32'000, 'x');
  std::uint32_t sent = 0;
  // A producer that keeps to its credit, until none has come for 200 ms.
  const auto fill = [&] {
    for (auto last = clock::now(); clock::now() - last < milliseconds(200) && sent < (64u << 20);) {
      if (sent >= limits::stream_window_bytes + stream->bytes) {
        std::this_thread::sleep_for(milliseconds(1));
        continue;
      }
      stream->delta(piece);
      sent += static_cast<std::uint32_t>(piece.size());
      last = clock::now();
    }
  };
  fill();
  ASSERT_LT(sent, 64u << 20) << "nothing holds the producer";
  const auto stuck = stream->bytes.load();
  for (int i = 0; i < 4000 && stream->bytes == stuck; ++i) client.more(milliseconds(10));
  EXPECT_GT(stream->bytes, stuck) << "reading on brings credit";
  fill();
  EXPECT_EQ(stream->cancels, 0);
  EXPECT_TRUE(eventually([&] { return stream->cancels == 1; }))
      << "a write without progress ends the stream";
}

TEST_F(http_streams, a_producer_that_ignores_its_credit_is_cut_off) {
  raw_client client(on.port());
  const auto stream = begin(client);
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 32; ++i) stream->delta(piece);
  EXPECT_NE(client.read().body.find("event: error"), std::string::npos);
  EXPECT_EQ(stream->cancels, 1);
}

} // namespace
} // namespace troupe::test
