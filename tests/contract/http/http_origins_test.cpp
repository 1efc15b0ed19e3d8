// Goal: pages of other origins may do what the configuration says and no more, every answer carries
// the headers that keep browsers careful, and the gate learns who asks. Method: a real edge over
// fake gates, asked as browsers and proxies ask.
#include "tests/contract/http/fake_gates.hpp"
#include "tests/contract/http/raw_client.hpp"

#include <gtest/gtest.h>
#include <malloc.h>
#include <memory>
#include <vector>

namespace troupe::test {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view streamed =
    R"({"model":"hold","stream":true,"messages":[{"role":"user","content":"x"}]})";
constexpr std::string_view page = "https://app.example.com";

http_config with_origins(std::vector<std::string> origins) {
  http_config out;
  out.cors_origins = std::move(origins);
  out.header_timeout = milliseconds(200);
  out.sweep = milliseconds(20);
  return out;
}

std::string from(std::string_view origin) {
  return "Origin: " + std::string(origin) + "\r\n";
}

http_reply ask(const edge_under_test& on, std::string_view text) {
  raw_client client(on.port());
  client.send(text);
  return client.read();
}

http_reply preflight(const edge_under_test& on, std::string_view path, std::string_view origin,
                     std::string_view method, std::string_view headers) {
  std::string more =
      from(origin) + "Access-Control-Request-Method: " + std::string(method) + "\r\n";
  if (!headers.empty()) more += "Access-Control-Request-Headers: " + std::string(headers) + "\r\n";
  return ask(on, request("OPTIONS", path, {}, more, false));
}

bool says_cors(const http_reply& reply) {
  for (const auto& [name, value] : reply.headers)
    if (name.starts_with("access-control-") || name == "vary") return true;
  return false;
}

TEST(http_cors, it_is_off_unless_origins_are_named) {
  edge_under_test on;
  EXPECT_FALSE(says_cors(ask(on, request("GET", "/health", {}, from(page)))));
  const auto asked = preflight(on, "/v1/models", page, "GET", "authorization");
  EXPECT_EQ(asked.status, 405);
  EXPECT_FALSE(says_cors(asked));
}

TEST(http_cors, a_listed_origin_is_named_with_credentials_and_another_is_not) {
  edge_under_test on(with_origins({std::string(page), "http://localhost:5173"}));
  for (const auto origin : {page, std::string_view("http://localhost:5173")}) {
    const auto got = ask(on, request("GET", "/v1/models", {}, from(origin)));
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.headers.at("access-control-allow-origin"), origin);
    EXPECT_EQ(got.headers.at("access-control-allow-credentials"), "true");
    EXPECT_EQ(got.headers.at("vary"), "Origin");
    EXPECT_NE(got.headers.at("access-control-expose-headers").find("x-request-id"),
              std::string::npos);
  }
  for (const auto* other : {"https://app.example.com.evil.test", "https://app.example.com:444",
                            "http://app.example.com", "null", "HTTPS://app.example.com"}) {
    const auto got = ask(on, request("GET", "/v1/models", {}, from(other)));
    EXPECT_EQ(got.status, 200) << "the browser refuses, not the server";
    EXPECT_FALSE(got.headers.contains("access-control-allow-origin")) << other;
    EXPECT_EQ(got.headers.at("vary"), "Origin");
  }
  EXPECT_EQ(ask(on, request("GET", "/health")).headers.at("vary"), "Origin")
      << "what a cache keeps of it must not be shown to a page";
}

TEST(http_cors, any_origin_may_ask_without_credentials) {
  edge_under_test on(with_origins({"*"}));
  const auto got = ask(on, request("GET", "/v1/models", {}, from("https://anyone.test")));
  EXPECT_EQ(got.headers.at("access-control-allow-origin"), "*");
  EXPECT_FALSE(got.headers.contains("access-control-allow-credentials"));
  EXPECT_EQ(preflight(on, "/v1/models", "https://anyone.test", "GET", "authorization").status, 204);
}

TEST(http_cors, a_preflight_is_answered_from_the_table_of_routes_and_asks_for_no_key) {
  edge_under_test on(with_origins({std::string(page)}));
  const auto got = preflight(on, "/v1/auth/keys", page, "POST",
                             "authorization,content-type,x-stainless-lang,OpenAI-Beta,x-evil,"
                             "x-supabase-api-version, apikey,bad name,cookie");
  EXPECT_EQ(got.status, 204);
  EXPECT_EQ(got.headers.at("access-control-allow-origin"), page);
  EXPECT_EQ(got.headers.at("access-control-allow-methods"), "GET, HEAD, POST");
  EXPECT_EQ(got.headers.at("access-control-allow-headers"),
            "authorization, content-type, x-stainless-lang, openai-beta, x-supabase-api-version, "
            "apikey");
  EXPECT_EQ(got.headers.at("access-control-max-age"), "7200");
  EXPECT_EQ(preflight(on, "/v1/files/file-1", page, "DELETE", {})
                .headers.at("access-control-allow-methods"),
            "GET, HEAD, DELETE");
  const std::lock_guard lock(on.gates->mutex);
  EXPECT_EQ(on.gates->asked, 0);
}

TEST(http_cors, a_preflight_of_another_origin_or_an_unknown_route_is_refused) {
  edge_under_test on(with_origins({std::string(page)}));
  const auto other = preflight(on, "/v1/models", "https://evil.test", "GET", "authorization");
  EXPECT_EQ(other.status, 403);
  EXPECT_FALSE(other.headers.contains("access-control-allow-origin"));
  EXPECT_EQ(preflight(on, "/v1/nowhere", page, "GET", {}).status, 404);
  const auto plain = ask(on, request("OPTIONS", "/v1/models", {}, from(page)));
  EXPECT_EQ(plain.status, 405) << "OPTIONS that is no preflight";
}

TEST(http_cors, a_preflight_and_its_request_may_share_a_connection) {
  edge_under_test on(with_origins({std::string(page)}));
  raw_client client(on.port());
  client.send(request("OPTIONS", "/v1/models", {},
                      from(page) + "Access-Control-Request-Method: GET\r\n", false) +
              request("GET", "/v1/models", {}, from(page)) + request("OPTIONS", "/v1/models"));
  EXPECT_EQ(client.read().status, 204);
  const auto got = client.read();
  EXPECT_EQ(got.status, 200);
  EXPECT_FALSE(got.headers.contains("access-control-allow-methods"));
  const auto last = client.read();
  EXPECT_EQ(last.status, 405);
  EXPECT_FALSE(last.headers.contains("access-control-allow-origin"));
}

TEST(http_cors, a_body_that_a_preflight_does_not_want_is_not_kept) {
  edge_under_test on(with_origins({std::string(page)}));
  constexpr std::size_t large = 4u << 20;
  const auto text = request("OPTIONS", "/v1/models", std::string(large, 'x'),
                            from(page) + "Access-Control-Request-Method: GET\r\n", false);
  const auto in_use = [] {
    const auto heap = ::mallinfo2(); // of all threads; with AddressSanitizer it says 0
    return heap.uordblks + heap.hblkhd;
  };
  const auto before = in_use();
  std::vector<std::unique_ptr<raw_client>> idle;
  for (int n = 0; n < 8; ++n) {
    idle.push_back(std::make_unique<raw_client>(on.port()));
    idle.back()->send(text);
    EXPECT_EQ(idle.back()->read().status, 204);
  }
  EXPECT_LT(in_use(), before + 2 * large);
}

TEST(http_cors, errors_and_streams_can_be_read_by_the_page_too) {
  edge_under_test on(with_origins({std::string(page)}));
  for (const auto* path : {"/v1/nowhere", "/v1/auth/keys"}) { // 404, 401
    const auto got = ask(on, request("GET", path, {}, from(page), false));
    EXPECT_GE(got.status, 401);
    EXPECT_EQ(got.headers.at("access-control-allow-origin"), page);
  }
  {
    const std::lock_guard lock(on.gates->mutex);
    on.gates->next_error = make_error(errc::unavailable, "down");
  }
  const auto down = ask(on, request("GET", "/v1/auth/me", {}, from(page)));
  EXPECT_EQ(down.status, 503);
  EXPECT_EQ(down.headers.at("access-control-allow-origin"), page);
  raw_client client(on.port());
  client.send(request("POST", "/v1/chat/completions", streamed, from(page)));
  const auto stream = on.gates->stream();
  stream->delta("1");
  stream->good_end();
  EXPECT_EQ(client.read().headers.at("access-control-allow-origin"), page);
}

TEST(http_headers, every_answer_keeps_browsers_careful) {
  edge_under_test on(with_origins({}));
  raw_client late(on.port());
  late.send("GET /health HTTP/1.1\r\nHo");
  raw_client streaming(on.port());
  streaming.send(request("POST", "/v1/chat/completions", streamed));
  const auto stream = on.gates->stream();
  stream->delta("1");
  stream->good_end();
  for (const auto& got :
       {ask(on, request("GET", "/health")), ask(on, request("GET", "/metrics")),
        ask(on, request("GET", "/nowhere")), ask(on, request("POST", "/v1/auth/logout")),
        ask(on, "garbage\r\n\r\n"), late.read(), streaming.read()}) {
    EXPECT_NE(got.status, 0);
    EXPECT_EQ(got.headers.at("x-content-type-options"), "nosniff") << got.status;
    EXPECT_EQ(got.headers.at("referrer-policy"), "no-referrer") << got.status;
    EXPECT_EQ(got.headers.contains("strict-transport-security"), over_tls) << got.status;
  }
}

TEST(http_headers, json_is_not_stored_and_what_says_otherwise_is_kept) {
  edge_under_test on;
  const auto session =
      ask(on, request("POST", "/v1/auth/login", R"({"email":"a@b.c","password":"12345678"})"));
  EXPECT_EQ(session.headers.at("cache-control"), "no-store");
  EXPECT_EQ(ask(on, request("GET", "/nowhere")).headers.at("cache-control"), "no-store");
  EXPECT_FALSE(ask(on, request("GET", "/metrics")).headers.contains("cache-control"));
}

class http_client_address : public ::testing::Test {
protected:
  std::string seen(const edge_under_test& on, std::string_view headers) {
    EXPECT_EQ(ask(on, request("GET", "/v1/models", {}, headers)).status, 200);
    const std::lock_guard lock(on.gates->mutex);
    return on.gates->last_context.client_address;
  }
};

TEST_F(http_client_address, it_is_the_peers_unless_a_proxy_is_trusted) {
  edge_under_test on;
  EXPECT_EQ(seen(on, {}), "127.0.0.1");
  EXPECT_EQ(seen(on, "X-Forwarded-For: 203.0.113.7\r\nForwarded: for=203.0.113.8\r\n"),
            "127.0.0.1");
}

TEST_F(http_client_address, behind_a_trusted_proxy_it_is_the_one_that_the_proxy_names) {
  http_config config;
  config.trusted_proxies = {"127.0.0.1", "10.0.0.0/8"};
  edge_under_test on(config);
  EXPECT_EQ(seen(on, "X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 203.0.113.7, 10.1.1.1\r\n"),
            "203.0.113.7");
  EXPECT_EQ(seen(on, "Forwarded: for=\"[2001:DB8::7]:99\";proto=https\r\n"), "2001:db8::7");
  EXPECT_EQ(seen(on, "X-Forwarded-For: who?\r\n"), "127.0.0.1");
  EXPECT_EQ(seen(on, {}), "127.0.0.1");
}

} // namespace
} // namespace troupe::test
