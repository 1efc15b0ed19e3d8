// Goal: the pure parts of the edge hold their rules: errors, targets, events, response heads.
// Method: direct calls.
#include "adapters/http/error_to_status.hpp"
#include "adapters/http/response_head.hpp"
#include "adapters/http/sse.hpp"
#include "adapters/http/target.hpp"

#include <gtest/gtest.h>

namespace troupe::http {
namespace {

TEST(http_text, every_error_code_has_its_status) {
  const unsigned expected[] = {400, 401, 403, 404, 405, 409, 413, 415, 429, 499,
                               504, 503, 502, 502, 503, 503, 500, 500, 500};
  for (unsigned i = 0; i < std::size(expected); ++i)
    EXPECT_EQ(status_of(make_error(static_cast<errc>(i + 1), "")), expected[i]) << i + 1;
  EXPECT_EQ(status_of(make_error(static_cast<errc>(200), "")), 500u);
}

TEST(http_text, a_status_that_is_no_error_is_not_kept) {
  auto why = make_error(errc::upstream_failed, "");
  why.status = 200;
  EXPECT_EQ(status_of(why), 502u);
}

TEST(http_text, an_error_body_is_openais_shape_with_escapes) {
  auto why = make_error(errc::invalid_argument, "say \"hi\"\n", "messages[0].role");
  why.reason = "bad";
  EXPECT_EQ(error_body(why), R"({"error":{"message":"say \"hi\"\n","type":"invalid_request_error",)"
                             R"("param":"messages[0].role","code":"bad"}})");
}

TEST(http_text, an_error_says_whether_the_work_began_where_that_is_news) {
  const auto body = [](errc code, started_state started) {
    auto why = make_error(code, "x");
    why.started = started;
    return error_body(why);
  };
  const auto says = [](const std::string& text, const char* word) {
    return text.ends_with(R"(,"started":")" + std::string(word) + R"("}})");
  };
  for (const auto code : {errc::rate_limited, errc::overloaded, errc::draining, errc::unavailable,
                          errc::worker_lost, errc::deadline_exceeded}) {
    EXPECT_TRUE(says(body(code, started_state::no), "no")) << to_string(code);
    EXPECT_TRUE(says(body(code, started_state::unknown), "unknown")) << to_string(code);
  }
  EXPECT_TRUE(says(body(errc::conflict, started_state::yes), "yes"));
  EXPECT_TRUE(says(body(errc::rate_limited, started_state::yes), "yes"));
  EXPECT_EQ(body(errc::not_found, started_state::yes).find("started"), std::string::npos);
  for (const auto code : {errc::invalid_argument, errc::unauthenticated, errc::forbidden,
                          errc::not_found, errc::conflict, errc::too_large})
    EXPECT_EQ(body(code, started_state::no).find("started"), std::string::npos) << to_string(code);
}

TEST(http_text, percent_escapes_are_decoded_or_refused) {
  EXPECT_EQ(percent_decode("a%20b+c", true), "a b c");
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
  for (const auto* bad : {"%", "%4", "%4g", "x%00y"})
    EXPECT_FALSE(percent_decode(bad, false)) << bad;
  EXPECT_EQ(percent_encode("a b/\xC3\xBC"), "a%20b%2F%C3%BC");
}

TEST(http_text, a_target_is_taken_apart) {
  EXPECT_EQ(path_of("/a/b?c=/d"), "/a/b");
  EXPECT_EQ(path_of("http://host:1/a?x"), "/a");
  EXPECT_EQ(path_of("http://host"), "/");
  const auto query = query_of("/p?a=1&b=x%3D+y&&c&d=#e=5");
  ASSERT_TRUE(query);
  const std::vector<json::parameter> expected{{"a", "1"}, {"b", "x= y"}, {"c", ""}, {"d", ""}};
  EXPECT_EQ(*query, expected);
  std::string many = "/?";
  for (int i = 0; i < 100; ++i) many += "a=1&";
  EXPECT_FALSE(query_of(many));
}

TEST(http_text, data_of_several_lines_becomes_several_data_lines) {
  std::string out;
  append_event(out, "x", "a\nb\r\nc\rd");
  EXPECT_EQ(out, "event: x\ndata: a\ndata: b\ndata: c\ndata: d\n\n");
}

TEST(http_text, an_empty_chunk_is_not_written) {
  std::string out;
  append_chunk(out, "");
  append_chunk(out, std::string(17, 'x'));
  EXPECT_EQ(out, "11\r\n" + std::string(17, 'x') + "\r\n");
}

TEST(http_text, a_head_says_when_to_retry_in_whole_seconds_and_in_milliseconds) {
  std::string out;
  append_head(out, {.status = 429,
                    .content_type = "application/json",
                    .request_id = "r",
                    .extra = {},
                    .content_length = 5,
                    .retry_after_ms = 1,
                    .keep_alive = false});
  EXPECT_TRUE(out.starts_with("HTTP/1.1 429 Too Many Requests\r\nDate: "));
  EXPECT_NE(out.find("\r\nRetry-After: 1\r\nretry-after-ms: 1\r\n"), std::string::npos);
  EXPECT_TRUE(out.ends_with("Connection: close\r\n\r\n"));
}

} // namespace
} // namespace troupe::http
