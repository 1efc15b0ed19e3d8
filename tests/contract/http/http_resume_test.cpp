// Goal: events of a stream that has a name have ids, a client that names one goes on there, and an
// error says how far the stream came. Method: a fake chat gate whose streams the test drives by
// hand.
#include "messages/codec/json.hpp"
#include "messages/stream_id.hpp"
#include "tests/contract/http/fake_gates.hpp"
#include "tests/contract/http/raw_client.hpp"

#include <gtest/gtest.h>

namespace troupe::test {
namespace {

constexpr std::string_view resumable =
    R"({"model":"hold","stream":true,"resumable":true,"messages":[{"role":"user","content":"x"}]})";

class http_resume : public ::testing::Test {
protected:
  std::shared_ptr<running_stream> begin(raw_client& client, std::string_view body = resumable) {
    client.send(request("POST", "/v1/chat/completions", body));
    return on.gates->stream();
  }
  std::shared_ptr<running_stream> resume(raw_client& client, std::string_view method,
                                         std::string_view path, const std::string& id,
                                         std::string_view body = "{}") {
    client.send(request(method, path, body, "Last-Event-ID: " + id + "\r\n"));
    return on.gates->stream();
  }
  void name(running_stream& stream, std::uint64_t after) {
    stream.delta(json::encode(chat_stream_begin{id_, after}), std::string(stream_named));
  }
  const std::string id_ = make_stream_id(7);
  edge_under_test on;
};

TEST_F(http_resume, events_of_a_named_stream_have_ids) {
  raw_client client(on.port());
  const auto stream = begin(client);
  EXPECT_TRUE(stream->request.resumable);
  EXPECT_EQ(stream->request.body.raw.find("resumable"), std::string::npos)
      << "no provider's business";
  name(*stream, 0);
  stream->delta("a");
  stream->delta("b");
  stream->good_end();
  const auto got = client.read();
  EXPECT_EQ(got.headers.at("x-stream-id"), id_);
  EXPECT_EQ(got.body,
            "id: " + id_ + ":1\ndata: a\n\nid: " + id_ + ":2\ndata: b\n\ndata: [DONE]\n\n");
}

TEST_F(http_resume, a_client_goes_on_behind_the_event_that_it_names) {
  raw_client client(on.port());
  const auto stream = resume(client, "POST", "/v1/chat/completions", id_ + ":17", "not even JSON");
  EXPECT_EQ(stream->resumed.stream, id_);
  EXPECT_EQ(stream->resumed.after, 17u);
  EXPECT_EQ(stream->resumed.format, chat_format::openai);
  name(*stream, 17);
  stream->delta("c");
  stream->good_end();
  EXPECT_EQ(client.read().body, "id: " + id_ + ":18\ndata: c\n\ndata: [DONE]\n\n");
}

TEST_F(http_resume, event_source_does_so_with_a_get) {
  raw_client client(on.port());
  const auto stream = resume(client, "GET", "/v1/chat/stream", id_ + ":3", "");
  EXPECT_EQ(stream->resumed.format, chat_format::events);
  EXPECT_EQ(stream->resumed.after, 3u);
  name(*stream, 3);
  stream->delta("{}", "done");
  stream->good_end();
  EXPECT_EQ(client.read().body, "id: " + id_ + ":4\nevent: done\ndata: {}\n\n");
}

TEST_F(http_resume, an_error_says_how_far_it_came_and_from_where_to_go_on) {
  raw_client client(on.port());
  const auto stream = begin(client);
  name(*stream, 4);
  stream->delta("a");
  stream->sink.end.fail(make_error(errc::worker_lost, "gone"));
  const auto got = client.read().body;
  EXPECT_NE(got.find(R"("code":"worker_lost","started":"yes","events":5,"last_event_id":")" + id_ +
                     ":5\"}}"),
            std::string::npos)
      << got;
}

TEST_F(http_resume, one_that_cannot_be_resumed_counts_its_events_only) {
  raw_client client(on.port());
  const auto stream =
      begin(client, R"({"model":"hold","stream":true,"messages":[{"role":"user","content":"x"}]})");
  stream->delta("a");
  stream->delta("b");
  stream->sink.end.fail(make_error(errc::worker_lost, "gone"));
  const auto got = client.read().body;
  EXPECT_NE(got.find(R"("started":"yes","events":2}})"), std::string::npos) << got;
  EXPECT_EQ(got.find("id: "), std::string::npos);
}

TEST_F(http_resume, what_is_no_id_is_refused) {
  for (const auto& id : std::vector<std::string>{"17", "strm_1:17", id_ + ":", id_ + ":x"}) {
    raw_client client(on.port());
    client.send(request("POST", "/v1/chat/completions", "{}", "Last-Event-ID: " + id + "\r\n"));
    const auto got = client.read();
    EXPECT_EQ(got.status, 400) << id;
    EXPECT_NE(got.body.find(R"("param":"Last-Event-ID")"), std::string::npos) << got.body;
  }
}

TEST_F(http_resume, only_a_stream_is_resumable) {
  raw_client client(on.port());
  client.send(
      request("POST", "/v1/chat/completions",
              R"({"model":"m","resumable":true,"messages":[{"role":"user","content":"x"}]})"));
  const auto got = client.read();
  EXPECT_EQ(got.status, 400);
  EXPECT_NE(got.body.find(R"("param":"resumable")"), std::string::npos);
}

} // namespace
} // namespace troupe::test
