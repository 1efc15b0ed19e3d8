// Goal: every request gets the answer that HTTP and the OpenAI API ask for, whatever bytes come.
// Method: a real edge over fake gates, driven by plain sockets on loopback.
#include "tests/contract/http/fake_gates.hpp"
#include "tests/contract/http/raw_client.hpp"

#include <gtest/gtest.h>

#include <random>

namespace troupe::test {
namespace {

using std::chrono::milliseconds;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

http_config quick() {
  http_config out;
  out.header_timeout = milliseconds(200);
  out.body_timeout = milliseconds(200);
  out.idle_timeout = milliseconds(400);
  out.sweep = milliseconds(20);
  out.body_bytes = 100'000;
  return out;
}

class http_requests : public ::testing::Test {
protected:
  http_reply ask(std::string_view text) {
    raw_client client(on.port());
    client.send(text);
    return client.read();
  }
  edge_under_test on{quick()};
};

TEST_F(http_requests, health_readiness_metrics_and_the_document_need_no_key) {
  for (const auto* path : {"/health", "/ready", "/metrics", "/openapi.json"})
    EXPECT_EQ(ask(request("GET", path, {}, {}, false)).status, 200) << path;
  EXPECT_TRUE(contains(ask(request("GET", "/health")).body, R"("status":"ok")"));
  EXPECT_TRUE(contains(ask(request("GET", "/metrics")).body, "troupe_http_requests_total"));
  const auto spec = ask(request("GET", "/openapi.json"));
  EXPECT_EQ(spec.headers.at("content-type"), "application/json");
  for (const auto* part :
       {R"("openapi":"3.1.0")", R"("/v1/chat/completions")", R"("/v1/models/{id}")",
        R"("chat_completion_body")", R"("error_answer")", R"("multipart/form-data")",
        R"("required":["email","password"])", R"("x-sse-events":{"message":)",
        R"("description":"Of failures (499 and above), of 429, )"
        R"(and conflicts with what has begun: )"})
    EXPECT_TRUE(contains(spec.body, part)) << part;
  EXPECT_FALSE(contains(spec.body, "authenticate_request")) << "a message between nodes";
}

TEST_F(http_requests, ready_is_503_before_it_is_set_and_while_a_role_is_down) {
  on.edge->set_ready(false);
  EXPECT_EQ(ask(request("GET", "/ready")).status, 503);
  on.edge->set_ready(true);
  EXPECT_EQ(ask(request("GET", "/ready")).status, 200);
  {
    const std::lock_guard lock(on.gates->mutex);
    on.gates->ready = false;
  }
  const auto down = ask(request("GET", "/ready"));
  EXPECT_EQ(down.status, 503);
  EXPECT_TRUE(contains(down.body, R"("ready":false)"));
}

TEST_F(http_requests, a_node_without_gates_answers_health_only) {
  http_config config;
  config.port = 0;
  auto edge = make_http_edge(config, {});
  ASSERT_TRUE(edge);
  raw_client client((*edge)->port(), 0, false);
  client.send(request("GET", "/health"));
  EXPECT_EQ(client.read().status, 200);
  client.send(request("GET", "/v1/models"));
  EXPECT_EQ(client.read().status, 404);
  client.send(request("GET", "/openapi.json"));
  EXPECT_EQ(client.read().status, 404);
}

TEST_F(http_requests, an_unknown_route_is_404_and_a_wrong_method_405_with_allow) {
  const auto missing = ask(request("GET", "/v1/no-such-route"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_TRUE(contains(missing.body, R"("param":null)"));
  const auto wrong = ask(request("DELETE", "/v1/models"));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("allow"), "GET, HEAD");
  EXPECT_EQ(ask(request("DELETE", "/v1/auth/keys")).headers.at("allow"), "GET, HEAD, POST");
}

TEST_F(http_requests, without_a_bearer_a_route_is_401_and_nobody_is_asked) {
  const auto bare = ask(request("GET", "/v1/models", {}, {}, false));
  EXPECT_EQ(bare.status, 401);
  EXPECT_TRUE(contains(bare.body, R"("type":"authentication_error")"));
  EXPECT_TRUE(bare.headers.contains("www-authenticate"));
  EXPECT_EQ(ask(request("GET", "/v1/models", {}, "Authorization: Basic eA==\r\n", false)).status,
            401);
  const std::lock_guard lock(on.gates->mutex);
  EXPECT_EQ(on.gates->asked, 0);
}

TEST_F(http_requests, the_credential_the_request_id_and_the_trace_reach_the_gate) {
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto got = ask(
      request("GET", "/v1/models", {}, "X-Request-Id: abc-1\r\ntraceparent: " + trace + "\r\n"));
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.headers.at("x-request-id"), "abc-1");
  EXPECT_TRUE(got.headers.contains("openai-processing-ms"));
  const std::lock_guard lock(on.gates->mutex);
  EXPECT_EQ(on.gates->last_context.credential, "tr-test");
  EXPECT_EQ(on.gates->last_context.request_id, "abc-1");
  EXPECT_EQ(on.gates->last_context.traceparent, trace);
  const auto left = on.gates->last_context.deadline - std::chrono::steady_clock::now();
  EXPECT_GT(left, limits::request_timeout - std::chrono::seconds(5));
}

TEST_F(http_requests, a_strange_request_id_is_replaced) {
  const auto got = ask(request("GET", "/health", {}, "X-Request-Id: two words\r\n"));
  EXPECT_TRUE(got.headers.at("x-request-id").starts_with("req_"));
}

TEST_F(http_requests, a_connection_is_kept_and_requests_sent_ahead_are_answered_in_order) {
  raw_client client(on.port());
  std::string text;
  for (int i = 0; i < 20; ++i)
    text += request("GET", "/v1/models/m" + std::to_string(i)) + request("GET", "/health");
  client.send(text);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(contains(client.read().body, "\"m" + std::to_string(i) + "\""));
    EXPECT_TRUE(contains(client.read().body, "ok"));
  }
  EXPECT_TRUE(client.send(request("GET", "/health")));
  EXPECT_EQ(client.read().status, 200);
}

TEST_F(http_requests, a_request_may_come_one_byte_at_a_time) {
  raw_client client(on.port());
  for (const char c :
       request("POST", "/v1/auth/login", R"({"email":"a@b.c","password":"12345678"})"))
    ASSERT_TRUE(client.send({&c, 1}));
  const auto got = client.read();
  EXPECT_EQ(got.status, 200);
  EXPECT_TRUE(contains(got.body, "a@b.c"));
}

TEST_F(http_requests, a_chunked_body_is_read) {
  raw_client client(on.port());
  client.send(request("POST", "/v1/auth/login", {}, "Transfer-Encoding: chunked\r\n"));
  client.send("8\r\n{\"email\"\r\n");
  client.send("b;x=y\r\n:\"d@e.f\"   \r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n");
  const auto got = client.read();
  EXPECT_EQ(got.status, 200) << got.body;
  EXPECT_TRUE(contains(got.body, "d@e.f"));
  client.send(request("GET", "/health"));
  EXPECT_EQ(client.read().status, 200);
}

TEST_F(http_requests, create_routes_are_201_logout_is_204_without_a_body) {
  EXPECT_EQ(ask(request("POST", "/v1/auth/register", R"({"email":"a@b.c","password":"12345678"})"))
                .status,
            201);
  EXPECT_EQ(ask(request("POST", "/v1/auth/keys", "{}")).status, 201);
  const auto out = ask(request("POST", "/v1/auth/logout"));
  EXPECT_EQ(out.status, 204);
  EXPECT_FALSE(out.headers.contains("content-length"));
  EXPECT_EQ(ask(request("POST", "/v1/auth/logout", "{}")).status, 204);
  EXPECT_EQ(ask(request("DELETE", "/v1/auth/keys/key_1")).status, 200);
}

TEST_F(http_requests, path_and_query_become_fields_and_are_decoded) {
  EXPECT_TRUE(contains(ask(request("GET", "/v1/models/org%2Fa/b")).body, R"("org/a/b")"));
  const auto file = ask(request("GET", "/v1/vector_stores/vs_1/files/file-%31"));
  EXPECT_TRUE(contains(file.body, R"("vector_store_id":"vs_1")"));
  EXPECT_TRUE(contains(file.body, R"("id":"file-1")"));
  EXPECT_EQ(ask(request("GET", "/v1/logs?service=a%26b&q=two+words&limit=7")).status, 200);
  {
    const std::lock_guard lock(on.gates->mutex);
    EXPECT_EQ(on.gates->seen, "a&b|two words|7");
  }
  const auto wrong = ask(request("GET", "/v1/logs?limit=many"));
  EXPECT_EQ(wrong.status, 400);
  EXPECT_TRUE(contains(wrong.body, R"("param":"limit")"));
  EXPECT_EQ(ask(request("GET", "/v1/logs?q=%zz")).status, 400);
  EXPECT_EQ(ask(request("GET", "/v1/files/%0")).status, 400);
}

TEST_F(http_requests, a_model_that_is_not_listed_is_404) {
  const auto got = ask(request("GET", "/v1/models/none"));
  EXPECT_EQ(got.status, 404);
  EXPECT_TRUE(contains(got.body, R"("code":"model_not_found")"));
}

TEST_F(http_requests, bad_bodies_are_400_and_name_the_field) {
  const struct {
    std::string path, body, param;
  } cases[] = {
      {"/v1/chat/completions", R"({"model":"x","messages":[)", "null"},
      {"/v1/chat/completions", R"({"model":"x"})", R"("messages")"},
      {"/v1/chat/completions", R"({"model":"x","messages":"hi"})", R"("messages")"},
      {"/v1/chat/completions", R"({"model":"x","messages":[{"role":3,"content":"x"}]})",
       R"("messages[0].role")"},
      {"/v1/chat/completions",
       R"({"model":"x","messages":[{"role":"user","content":"x"}],"temperature":"hot"})",
       R"("temperature")"},
      {"/v1/chat/completions", std::string(50'000, '['), "null"},
      {"/v1/chat/completions", "{\"model\":\"\xff\"}", "null"},
      {"/v1/chat/stream", R"({"message":5})", R"("message")"},
      {"/v1/auth/login", "[]", "null"},
      {"/v1/auth/login", "not json", "null"},
      {"/v1/logs", R"([{"level":"loud","service":"s","message":"m"}])", R"("[0].level")"},
      {"/v1/logs", R"({"level":"loud","service":"s","message":"m"})", R"("level")"},
  };
  for (const auto& c : cases) {
    const auto got = ask(request("POST", c.path, c.body));
    EXPECT_EQ(got.status, 400) << c.path << c.body.substr(0, 60);
    EXPECT_TRUE(contains(got.body, "\"param\":" + c.param)) << c.body.substr(0, 60) << got.body;
    EXPECT_TRUE(contains(got.body, R"("type":"invalid_request_error")")) << got.body;
  }
  EXPECT_EQ(ask(request("POST", "/v1/auth/login")).status, 400);
}

TEST_F(http_requests, logs_take_one_record_or_an_array_and_nothing_around_it) {
  const std::string one = R"({"level":"info","service":"s","message":"m"})";
  const auto single = ask(request("POST", "/v1/logs", one));
  EXPECT_EQ(single.status, 201);
  EXPECT_TRUE(single.body.starts_with(R"({"id":"log_0")")) << single.body;
  const auto many = ask(request("POST", "/v1/logs", " [" + one + "," + one + "]"));
  EXPECT_EQ(many.status, 201);
  EXPECT_TRUE(many.body.starts_with(R"({"data":[)")) << many.body;
  EXPECT_EQ(ask(request("POST", "/v1/logs", "[" + one + R"(],"batch":"x","users":["eve"])")).status,
            400);
  const std::lock_guard lock(on.gates->mutex);
  EXPECT_EQ(on.gates->seen, "2||0");
}

TEST_F(http_requests, more_than_a_thousand_records_are_refused) {
  std::string body = "[";
  for (int i = 0; i < 1001; ++i) body += R"({"level":"info","service":"s","message":"m"},)";
  body.back() = ']';
  const auto status = ask(request("POST", "/v1/logs", body)).status;
  EXPECT_TRUE(status == 413 || status == 400) << status;
  const std::lock_guard lock(on.gates->mutex);
  EXPECT_EQ(on.gates->asked, 0);
}

TEST_F(http_requests, a_search_asks_the_store_of_the_path_only) {
  const auto got =
      ask(request("POST", "/v1/vector_stores/vs_1/search",
                  R"({"query":"x","vector_store_id":"vs_2","vector_store_ids":["vs_3"]})"));
  EXPECT_EQ(got.status, 200);
  const std::lock_guard lock(on.gates->mutex);
  EXPECT_EQ(on.gates->seen, "0vs_1");
}

TEST_F(http_requests, embeddings_keep_the_clients_body) {
  const std::string body = R"({"input":"x","model":"m","unknown":[1, 2]})";
  EXPECT_EQ(ask(request("POST", "/v1/embeddings", body)).body, body);
}

TEST_F(http_requests, a_gates_error_keeps_its_status_and_says_when_to_retry) {
  const auto with = [&](error why) {
    {
      const std::lock_guard lock(on.gates->mutex);
      on.gates->next_error = std::move(why);
    }
    return ask(request("GET", "/v1/auth/me"));
  };
  EXPECT_EQ(with(make_error(errc::forbidden, "no")).status, 403);
  EXPECT_EQ(with(make_error(errc::conflict, "no")).status, 409);
  EXPECT_EQ(with(make_error(errc::worker_lost, "no")).status, 502);
  auto limited = make_error(errc::rate_limited, "slow down");
  limited.retry_after_ms = 1500;
  const auto got = with(limited);
  EXPECT_EQ(got.status, 429);
  EXPECT_EQ(got.headers.at("retry-after"), "2");
  EXPECT_EQ(got.headers.at("retry-after-ms"), "1500");
  EXPECT_EQ(with(make_error(errc::unavailable, "down")).headers.at("retry-after"), "1");
  auto theirs = make_error(errc::upstream_failed, "theirs");
  theirs.status = 422;
  EXPECT_EQ(with(theirs).status, 422);
}

TEST_F(http_requests, a_body_past_the_bound_is_413_before_it_was_read_and_the_connection_closes) {
  raw_client client(on.port());
  client.send("POST /v1/auth/login HTTP/1.1\r\nHost: t\r\nContent-Length: 100001\r\n\r\n");
  const auto got = client.read();
  EXPECT_EQ(got.status, 413);
  EXPECT_EQ(got.headers.at("connection"), "close");
  EXPECT_TRUE(contains(got.body, R"("error")"));
  raw_client sending(on.port()); // a client that reads only after it has sent everything
  EXPECT_TRUE(sending.send(request("POST", "/v1/auth/login", std::string(8'000'000, 'x'))));
  EXPECT_EQ(sending.read().status, 413);
}

TEST_F(http_requests, a_chunked_body_past_the_bound_is_413) {
  raw_client client(on.port());
  client.send(request("POST", "/v1/auth/login", {}, "Transfer-Encoding: chunked\r\n"));
  const std::string piece = "2000\r\n" + std::string(0x2000, ' ') + "\r\n";
  for (int i = 0; i < 20; ++i)
    if (!client.send(piece)) break;
  EXPECT_EQ(client.read().status, 413);
}

TEST_F(http_requests, a_large_body_within_the_bound_arrives_whole) {
  const std::string text(60'000, 'x');
  const std::string body = R"({"input":")" + text + R"(","model":"m"})";
  EXPECT_EQ(ask(request("POST", "/v1/embeddings", body)).body, body);
}

TEST_F(http_requests, expect_100_continue_is_answered_before_the_body) {
  raw_client client(on.port());
  client.send(
      "POST /v1/auth/login HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: "
      "17\r\n\r\n");
  ASSERT_TRUE(client.wait_for("100 Continue\r\n\r\n"));
  client.buffer.clear();
  client.send(R"({"email":"a@b.c"})");
  EXPECT_EQ(client.read().status, 200);
  raw_client refused(on.port()); // nobody wants this body
  refused.send(
      "POST /v1/nowhere HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n");
  EXPECT_EQ(refused.read().status, 404);
}

TEST_F(http_requests, a_small_body_of_a_refused_request_does_not_cost_the_connection) {
  raw_client client(on.port());
  client.send(request("POST", "/v1/nowhere", "{}"));
  EXPECT_EQ(client.read().status, 404);
  client.send(request("GET", "/health"));
  EXPECT_EQ(client.read().status, 200);
}

TEST_F(http_requests, slow_headers_and_half_sent_bodies_are_408) {
  raw_client header(on.port());
  header.send("GET /health HTTP/1.1\r\nHost:");
  const auto first = header.read();
  EXPECT_EQ(first.status, 408);
  EXPECT_TRUE(header.closed_within(milliseconds(500)) || first.headers.at("connection") == "close");
  raw_client body(on.port());
  body.send("POST /v1/auth/login HTTP/1.1\r\nHost: t\r\nContent-Length: 20\r\n\r\n{");
  EXPECT_EQ(body.read().status, 408);
  raw_client idle(on.port());
  EXPECT_TRUE(idle.closed_within(milliseconds(1500)));
  EXPECT_TRUE(idle.buffer.empty());
}

TEST_F(http_requests, garbage_gets_400_and_too_long_a_header_431) {
  EXPECT_EQ(ask("\x16\x03\x01\x02 hello\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /health HTTP/3.9\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /health HTTP/1.1\r\n\r\n").status, 400); // no Host
  EXPECT_EQ(ask("POST /v1/logs HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n").status, 400);
  EXPECT_EQ(ask("POST /v1/logs HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n"
                "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                .status,
            400);
  EXPECT_EQ(ask(request("GET", "/health", {}, "X: " + std::string(20'000, 'x') + "\r\n")).status,
            431);
}

TEST_F(http_requests, random_bytes_never_end_the_server) {
  std::mt19937 random(7);
  const std::string good =
      request("POST", "/v1/auth/login", R"({"email":"a@b.c","password":"x"})") +
      request("POST", "/v1/chat/completions", {}, "Transfer-Encoding: chunked\r\n") +
      "5\r\nabcde\r\n0\r\n\r\n";
  for (int round = 0; round < 300; ++round) {
    auto text = good;
    for (int i = 0; i < 4; ++i) text[random() % text.size()] = static_cast<char>(random());
    raw_client client(on.port());
    client.send(text.substr(0, random() % text.size()));
    if (round % 3 == 0)
      client.reset();
    else if (round % 3 == 1)
      client.end_sending();
  }
  EXPECT_EQ(ask(request("GET", "/health")).status, 200);
  EXPECT_TRUE(eventually([&] { return on.edge->idle(); }));
}

TEST_F(http_requests, head_is_get_without_the_body_and_http_1_0_closes) {
  raw_client client(on.port());
  client.send(request("HEAD", "/health"));
  const auto head = client.read(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_NE(head.headers.at("content-length"), "0");
  client.send(request("GET", "/health"));
  EXPECT_EQ(client.read().status, 200);
  raw_client old(on.port());
  old.send("GET /health HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.read().status, 200);
  EXPECT_TRUE(old.closed_within(milliseconds(500)));
}

TEST_F(http_requests, a_files_bytes_come_whole_under_credit_with_a_safe_name) {
  const auto got = ask(request("GET", "/v1/files/file-1/content"));
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, std::string("one\0two", 7));
  EXPECT_EQ(got.headers.at("content-type"), "application/octet-stream");
  EXPECT_EQ(got.headers.at("content-disposition"),
            "attachment; filename*=UTF-8''b%C3%BC%22%0D%0Ach.md");
  EXPECT_EQ(ask(request("GET", "/v1/files/file-2/content")).status, 404);
}

TEST_F(http_requests, an_upload_needs_file_and_purpose) {
  const std::string type = "Content-Type: multipart/form-data; boundary=XX\r\n";
  const std::string purpose =
      "--XX\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n";
  const std::string file =
      "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n"
      "Content-Type: text/markdown\r\n\r\n# Hi\r\n";
  const auto good = ask(request("POST", "/v1/files", purpose + file + "--XX--\r\n", type));
  EXPECT_EQ(good.status, 200);
  EXPECT_TRUE(contains(good.body, R"("filename":"a.md")")) << good.body;
  EXPECT_TRUE(contains(good.body, R"("bytes":4)"));
  const auto no_file = ask(request("POST", "/v1/files", purpose + "--XX--\r\n", type));
  EXPECT_EQ(no_file.status, 400);
  EXPECT_TRUE(contains(no_file.body, R"("param":"file")"));
  const auto no_purpose = ask(request("POST", "/v1/files", file + "--XX--\r\n", type));
  EXPECT_EQ(no_purpose.status, 400);
  EXPECT_TRUE(contains(no_purpose.body, R"("param":"purpose")"));
  EXPECT_EQ(ask(request("POST", "/v1/files", "{}", "Content-Type: application/json\r\n")).status,
            415);
}

TEST_F(http_requests, the_topology_is_shown_to_those_whom_the_gate_lets_see_it) {
  const auto seen = ask(request("GET", "/v1/admin/topology"));
  EXPECT_EQ(seen.status, 200);
  for (const auto* part : {R"("object":"topology")", R"("address":"tcp://127.0.0.1:7700")",
                           R"("instance":"00000000000000ff")", R"("batch":2)", R"("more_nodes":0)"})
    EXPECT_TRUE(contains(seen.body, part)) << part << " in " << seen.body;
  {
    const std::lock_guard lock(on.gates->mutex);
    on.gates->next_error = make_error(errc::forbidden, "for admins only");
  }
  EXPECT_EQ(ask(request("GET", "/v1/admin/topology")).status, 403);
  EXPECT_EQ(ask(request("POST", "/v1/admin/topology")).status, 405);
}

} // namespace
} // namespace troupe::test
