// Goal: the fetch adapter keeps the contract of http_fetch.hpp over real HTTP: what is sent, what
// is taken, what is refused before a socket is opened. Method: a loopback server plays one script a
// connection; for TLS a Python server with a certificate of nobody's.
#include "adapters/web/http_fetch.hpp"
#include "tests/support/helper_process.hpp"
#include "tests/support/loop_thread.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/test_certificate.hpp"

#include <gtest/gtest.h>
#include <future>
#include <utility>

namespace troupe::test {
namespace {

using namespace std::chrono_literals;
using answer = std::future<result<fetch_reply>>;

answer ask(http_fetch& from, fetch_request request) {
  std::promise<result<fetch_reply>> promise;
  auto future = promise.get_future();
  from.fetch(std::move(request), reply<fetch_reply>([p = std::move(promise)](auto r) mutable {
               p.set_value(std::move(r));
             }));
  return future;
}

fetch_request get(std::string url) {
  fetch_request out;
  out.url = std::move(url);
  out.timeout = 5s;
  return out;
}

fetch_request post(std::string url) {
  auto out = get(std::move(url));
  out.method = fetch_method::post;
  return out;
}

/// One request against one script.
result<fetch_reply> exchange_with(scripted_server::script script, fetch_request request) {
  scripted_server server(std::move(script));
  request.url = server.base_url() + request.url;
  return ask(*make_http_fetch(), std::move(request)).get();
}

errc code_of(const result<fetch_reply>& r) {
  EXPECT_FALSE(r.has_value());
  return r ? errc::internal : r.error().code;
}

TEST(http_fetch, a_get_sends_its_headers_and_brings_status_headers_and_body) {
  std::string sent;
  auto request = get("/keys?x=1");
  request.headers = {{"Accept", "application/json"}, {"X-Empty", ""}};
  const auto got = exchange_with(
      [&](connection& peer) {
        sent = peer.read_request();
        peer.answer(200, R"({"keys":[]})",
                    "Cache-Control: public\r\ncache-control:  max-age=60 \r\n");
      },
      request);
  ASSERT_TRUE(got.has_value()) << got.error().message;
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->content_type, "application/json");
  EXPECT_EQ(got->cache_control, "public, max-age=60");
  EXPECT_EQ(got->body, R"({"keys":[]})");
  EXPECT_TRUE(sent.starts_with("GET /v1/keys?x=1 HTTP/1.1\r\n")) << sent;
  EXPECT_NE(sent.find("\r\nAccept: application/json\r\n"), sent.npos) << sent;
  EXPECT_NE(sent.find("\r\nX-Empty:\r\n"), sent.npos) << sent;
}

TEST(http_fetch, a_form_is_posted_encoded) {
  std::string sent;
  auto request = post("/token");
  request.form = {{"code", "a b&c=d"}, {"empty", ""}, {"n\xC3\xA9", "100%"}};
  const auto got = exchange_with(
      [&](connection& peer) {
        sent = peer.read_request();
        peer.answer(400, R"({"error":"invalid_grant"})");
      },
      request);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->status, 400);
  EXPECT_EQ(got->body, R"({"error":"invalid_grant"})");
  EXPECT_TRUE(sent.starts_with("POST /v1/token HTTP/1.1\r\n")) << sent;
  EXPECT_NE(sent.find("\r\nContent-Type: application/x-www-form-urlencoded\r\n"), sent.npos);
  EXPECT_TRUE(sent.ends_with("\r\n\r\ncode=a%20b%26c%3Dd&empty=&n%C3%A9=100%25")) << sent;
}

TEST(http_fetch, a_user_and_a_password_are_basic_authorization) {
  std::string sent;
  auto request = post("/token");
  request.user = "web";
  request.password = {"s3cret%3A"};
  request.form = {{"grant_type", "authorization_code"}};
  const auto got = exchange_with(
      [&](connection& peer) {
        sent = peer.read_request();
        peer.answer(200, "{}");
      },
      request);
  ASSERT_TRUE(got.has_value());
  EXPECT_NE(sent.find("\r\nAuthorization: Basic d2ViOnMzY3JldCUzQQ==\r\n"), sent.npos) << sent;
  request.user = "we:b";
  EXPECT_EQ(code_of(ask(*make_http_fetch(), request).get()), errc::invalid_argument);
}

TEST(http_fetch, a_body_is_posted_as_it_is_even_when_it_is_empty) {
  for (const std::string body : {"{\"a\":1}", ""}) {
    std::string sent;
    auto request = post("/x");
    request.body = body;
    request.headers = {{"Content-Type", "application/json"}};
    const auto got = exchange_with(
        [&](connection& peer) {
          sent = peer.read_request();
          peer.answer(204, "");
        },
        request);
    ASSERT_TRUE(got.has_value());
    EXPECT_TRUE(sent.ends_with("\r\n\r\n" + body)) << sent;
    EXPECT_NE(sent.find("\r\nContent-Type: application/json\r\n"), sent.npos) << sent;
    EXPECT_EQ(sent.find("Expect"), sent.npos) << sent;
  }
}

TEST(http_fetch, a_redirect_is_an_answer_and_is_not_followed) {
  scripted_server elsewhere([](connection& peer) { peer.read_request(); });
  const auto got = exchange_with(
      [&](connection& peer) {
        peer.read_request();
        peer.answer(302, "", "Location: " + elsewhere.base_url() + "/\r\n");
      },
      get("/"));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->status, 302);
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(http_fetch, an_answer_of_exactly_its_bound_is_taken_and_one_byte_more_is_not) {
  for (const std::size_t size : {std::size_t{1000}, std::size_t{1001}}) {
    auto request = get("/");
    request.answer_bytes_max = 1000;
    const auto got = exchange_with(
        [&](connection& peer) {
          peer.read_request();
          peer.answer(200, std::string(size, 'x'));
        },
        request);
    ASSERT_EQ(got.has_value(), size == 1000);
    if (!got) {
      EXPECT_EQ(got.error().code, errc::upstream_failed);
      EXPECT_NE(got.error().message.find("too large"), std::string::npos);
    }
  }
}

TEST(http_fetch, endless_headers_are_not_read_to_their_end) {
  const auto got = exchange_with(
      [](connection& peer) {
        peer.read_request();
        peer.send("HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 100; ++i) peer.send("X-Long: " + std::string(1000, 'x') + "\r\n");
        peer.wait_closed(5s);
      },
      get("/"));
  EXPECT_EQ(code_of(got), errc::upstream_failed);
}

TEST(http_fetch, a_server_that_breaks_off_stalls_or_is_not_there_is_told_apart) {
  EXPECT_EQ(code_of(exchange_with(
                [](connection& peer) {
                  peer.read_request();
                  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
                },
                get("/"))),
            errc::upstream_failed);
  auto hasty = get("/");
  hasty.timeout = 100ms;
  EXPECT_EQ(code_of(exchange_with([](connection& peer) { peer.wait_closed(5s); }, hasty)),
            errc::deadline_exceeded);
  // Port 1 of loopback: nobody listens there.
  EXPECT_EQ(code_of(ask(*make_http_fetch(), get("http://127.0.0.1:1/")).get()), errc::unavailable);
}

TEST(http_fetch, what_is_not_well_formed_or_not_http_is_refused_without_a_connection) {
  scripted_server server([](connection& peer) { peer.read_request(); });
  const auto base = server.base_url();
  const auto host = base.substr(7);
  std::vector<std::pair<fetch_request, const char*>> wrong;
  for (const auto& url : {std::string("file:///etc/passwd"), std::string("ftp://127.0.0.1/"),
                          std::string(), std::string("http://"), base + "/a b", base + "/\r\nX: y",
                          "http://user@" + host, "http://user:word@" + host, "gopher://" + host})
    wrong.emplace_back(get(url), "url");
  for (const auto& [name, value] : fetch_request::pairs{
           {"X", "a\r\nY: b"}, {"X\r\nY", "b"}, {"", "b"}, {"X Y", "b"}, {"X:", "b"}}) {
    wrong.emplace_back(get(base), "headers");
    wrong.back().first.headers = {{name, value}};
  }
  wrong.emplace_back(get(base), "body").first.body = "x";
  wrong.emplace_back(post(base), "body").first.body.assign(limits::fetch_body_bytes + 1, 'x');
  wrong.emplace_back(post(base), "form").first.form = {
      {"a", std::string(limits::fetch_body_bytes, 'x')}};
  wrong.emplace_back(post(base), "body").first.form = {{"a", "b"}};
  wrong.back().first.body = "x";
  wrong.emplace_back(get(base), "timeout").first.timeout = 0ms;
  wrong.emplace_back(get(base), "answer_bytes_max").first.answer_bytes_max =
      limits::fetch_answer_bytes + 1;
  const auto fetch = make_http_fetch();
  for (const auto& [request, field] : wrong) {
    const auto got = ask(*fetch, request).get();
    ASSERT_FALSE(got.has_value()) << request.url;
    EXPECT_EQ(got.error().code, errc::invalid_argument) << request.url;
    EXPECT_EQ(got.error().param, field) << request.url;
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(http_fetch, requests_past_the_bound_are_overloaded_and_running_ones_end_with_the_adapter) {
  scripted_server server([](connection& peer) { peer.wait_closed(10s); });
  auto fetch = make_http_fetch();
  std::vector<answer> running;
  for (std::size_t i = 0; i < limits::fetches; ++i)
    running.push_back(ask(*fetch, get(server.base_url())));
  EXPECT_EQ(code_of(ask(*fetch, get(server.base_url())).get()), errc::overloaded);
  const auto begun = std::chrono::steady_clock::now();
  fetch.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
  for (auto& each : running) EXPECT_EQ(code_of(each.get()), errc::cancelled);
}

TEST(http_fetch, on_a_loop_that_it_shares_it_leaves_nothing_behind) {
  scripted_server server([](connection& peer) {
    while (!peer.read_request().empty()) peer.answer(200, "{}");
  });
  loop_thread loop;
  {
    http_fetch_config config;
    config.loop = &loop.context();
    const auto fetch = make_http_fetch(config);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(ask(*fetch, get(server.base_url())).get().has_value());
    EXPECT_EQ(server.connections(), 1);
  }
  EXPECT_TRUE(loop.is_alive());
  loop.end();
}

TEST(http_fetch, a_certificate_is_checked) {
  const certificate_files made;
  helper_process server(TROUPE_HTTPS_SERVER, {made.certificate(), made.key()});
  const auto port = server.read_line();
  ASSERT_FALSE(port.empty());
  EXPECT_EQ(code_of(ask(*make_http_fetch(), get("https://127.0.0.1:" + port)).get()),
            errc::upstream_failed);
  http_fetch_config trusting;
  trusting.ca_file = made.certificate();
  const auto fetch = make_http_fetch(trusting);
  const auto got = ask(*fetch, get("https://127.0.0.1:" + port)).get();
  ASSERT_TRUE(got.has_value()) << got.error().message;
  EXPECT_EQ(got->body, "hello");
  // The same server under an address that its certificate has not.
  EXPECT_EQ(code_of(ask(*fetch, get("https://127.0.0.2:" + port)).get()), errc::upstream_failed);
}

} // namespace
} // namespace troupe::test
