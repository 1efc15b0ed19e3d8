// Goal: the routes of GoTrue speak its forms: errors in two shapes with its words and statuses,
// redirects, and the shapes of admins. Method: a real edge over fake gates; the pure translations.
#include "adapters/http/supabase_admin.hpp"
#include "adapters/http/supabase_errors.hpp"
#include "tests/contract/http/fake_gates.hpp"
#include "tests/contract/http/raw_client.hpp"

#include <gtest/gtest.h>

namespace troupe::test {
namespace {

namespace http = troupe::http;
namespace admin = troupe::http::supabase_admin;

constexpr std::string_view dated = "X-Supabase-Api-Version: 2024-01-01\r\n";
constexpr std::string_view bearer = "Authorization: Bearer x\r\napikey: anything\r\n";

http_reply ask(const edge_under_test& on, std::string_view method, std::string_view path,
               std::string_view body, const std::string& more) {
  raw_client client(on.port());
  client.send(request(method, path, body, more, false));
  return client.read();
}

error because(errc code, std::string reason, std::string param = {}) {
  auto why = make_error(code, "why", std::move(param));
  why.reason = std::move(reason);
  return why;
}

TEST(http_supabase, an_error_has_its_word_in_the_form_that_the_client_reads) {
  edge_under_test on;
  on.gates->next_error = because(errc::unauthenticated, "invalid_credentials");
  const auto newer = ask(on, "POST", "/auth/v1/token?grant_type=password",
                         R"({"email":"a@b","password":"c"})", std::string(dated));
  EXPECT_EQ(newer.status, 400);
  EXPECT_EQ(newer.body, R"({"code":"invalid_credentials","message":"why"})");
  EXPECT_EQ(newer.headers.at("x-supabase-api-version"), "2024-01-01");
  on.gates->next_error = because(errc::unauthenticated, "invalid_credentials");
  const auto older = ask(on, "POST", "/auth/v1/token?grant_type=password",
                         R"({"email":"a@b","password":"c"})", {});
  EXPECT_EQ(older.status, 400);
  EXPECT_EQ(older.body, R"({"code":400,"error_code":"invalid_credentials","msg":"why"})");
  EXPECT_FALSE(older.headers.contains("x-supabase-api-version"));
}

TEST(http_supabase, who_sends_no_credential_is_told_so_in_its_words) {
  edge_under_test on;
  const auto got = ask(on, "GET", "/auth/v1/user", {}, std::string(dated) + "apikey: x\r\n");
  EXPECT_EQ(got.status, 401);
  EXPECT_TRUE(got.body.starts_with(R"({"code":"no_authorization")")) << got.body;
}

TEST(http_supabase, a_store_that_is_down_is_503_and_no_end_of_a_session) {
  edge_under_test on;
  on.gates->next_error = make_error(errc::unavailable, "the store is down");
  const auto got = ask(on, "POST", "/auth/v1/token?grant_type=refresh_token",
                       R"({"refresh_token":"r"})", std::string(dated));
  EXPECT_EQ(got.status, 503);
  EXPECT_TRUE(got.headers.contains("retry-after"));
}

TEST(http_supabase, errors_of_our_own_become_words_of_gotrue) {
  struct {
    error why;
    unsigned status;
    std::string_view word;
  } const cases[] = {
      {because(errc::unauthenticated, "invalid_api_key"), 403, "bad_jwt"},
      {because(errc::unauthenticated, "session_not_found"), 403, "session_not_found"},
      {because(errc::unauthenticated, "refresh_token_already_used"), 400,
       "refresh_token_already_used"},
      {because(errc::forbidden, "insufficient_scope"), 403, "not_admin"},
      {because(errc::not_found, ""), 404, "user_not_found"},
      {because(errc::conflict, "", "email"), 422, "email_exists"},
      {because(errc::rate_limited, ""), 429, "over_request_rate_limit"},
      {because(errc::invalid_argument, "", "email"), 400, "validation_failed"},
      {because(errc::internal, ""), 500, "unexpected_failure"},
  };
  for (const auto& one : cases) {
    const auto said = http::supabase_error(one.why, true);
    EXPECT_EQ(said.status, one.status) << one.word;
    EXPECT_TRUE(said.body.starts_with(R"({"code":")" + std::string(one.word) + '"')) << said.body;
  }
  EXPECT_EQ(http::supabase_error(because(errc::invalid_argument, "", "password"), true).body,
            R"({"code":"weak_password","message":"why","weak_password":{"reasons":["length"]}})");
  EXPECT_FALSE(http::wants_error_words(""));
  EXPECT_FALSE(http::wants_error_words("2023-12-31"));
  EXPECT_TRUE(http::wants_error_words("2024-01-01"));
}

TEST(http_supabase, an_error_says_whether_the_work_began_where_that_is_news) {
  edge_under_test on;
  const auto body_of = [&on](error why, std::string_view form) {
    on.gates->next_error = std::move(why);
    return ask(on, "POST", "/auth/v1/token?grant_type=password",
               R"({"email":"a@b","password":"c"})", std::string(form))
        .body;
  };
  EXPECT_EQ(body_of(because(errc::rate_limited, ""), {}),
            R"({"code":429,"error_code":"over_request_rate_limit","msg":"why","started":"no"})");
  EXPECT_EQ(body_of(because(errc::rate_limited, ""), dated),
            R"({"code":"over_request_rate_limit","message":"why","started":"no"})");
  EXPECT_EQ(body_of(because(errc::unavailable, ""), {}),
            R"({"code":503,"error_code":"unexpected_failure","msg":"why","started":"unknown"})");
  EXPECT_EQ(body_of(not_begun(because(errc::unavailable, "")), dated),
            R"({"code":"unexpected_failure","message":"why","started":"no"})");
  EXPECT_EQ(body_of(because(errc::invalid_argument, "", "email"), {}),
            R"({"code":400,"error_code":"validation_failed","msg":"why"})");
}

TEST(http_supabase, a_grant_that_nobody_knows_is_refused) {
  edge_under_test on;
  const auto got = ask(on, "POST", "/auth/v1/token?grant_type=web3", "{}", std::string(dated));
  EXPECT_EQ(got.status, 400);
  EXPECT_TRUE(got.body.starts_with(R"({"code":"unsupported_grant_type")")) << got.body;
  EXPECT_EQ(on.gates->asked, 0);
}

TEST(http_supabase, a_head_does_not_follow_a_link_that_counts_once) {
  edge_under_test on;
  raw_client client(on.port());
  client.send(request("HEAD", "/auth/v1/verify?token=t&type=signup", {}, {}, false));
  const auto got = client.read(true);
  EXPECT_EQ(got.status, 405);
  EXPECT_EQ(got.headers.at("allow"), "POST, GET");
  EXPECT_EQ(on.gates->asked, 0);
}

TEST(http_supabase, pages_of_users_have_totals_and_links) {
  edge_under_test on;
  const auto got = ask(on, "GET", "/auth/v1/admin/users?page=&per_page=", {}, std::string(bearer));
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, R"({"users":[],"aud":"authenticated"})");
  EXPECT_EQ(got.headers.at("x-total-count"), "0");
  EXPECT_EQ(admin::page_lines({2, 10}, 35),
            "X-Total-Count: 35\r\nLink: </auth/v1/admin/users?page=3&per_page=10>; rel=\"next\", "
            "</auth/v1/admin/users?page=4&per_page=10>; rel=\"last\"\r\n");
  EXPECT_EQ(
      admin::page_lines({4, 10}, 35),
      "X-Total-Count: 35\r\nLink: </auth/v1/admin/users?page=4&per_page=10>; rel=\"last\"\r\n");
  for (const auto* bad : {"page=0", "page=x", "per_page=1001", "per_page=-1"})
    EXPECT_EQ(
        ask(on, "GET", std::string("/auth/v1/admin/users?") + bad, {}, std::string(bearer)).status,
        400)
        << bad;
}

TEST(http_supabase, a_link_stands_beside_the_members_of_its_user) {
  link_reply link;
  link.user.id = "u1";
  link.action_link = "https://a.b";
  link.email_otp = "123456";
  const auto body = admin::link_body(link);
  EXPECT_TRUE(body.starts_with(R"({"id":"u1",)")) << body;
  EXPECT_TRUE(body.ends_with(R"(,"action_link":"https://a.b","email_otp":"123456",)"
                             R"("hashed_token":"","redirect_to":"","verification_type":""})"))
      << body;
}

TEST(http_supabase, a_ban_is_a_go_duration) {
  EXPECT_EQ(admin::seconds_of("none"), 0);
  EXPECT_EQ(admin::seconds_of("24h"), 86400);
  EXPECT_EQ(admin::seconds_of("1h30m"), 5400);
  EXPECT_EQ(admin::seconds_of("1.5s"), 2);
  for (const auto* bad : {"", "24", "h", "-1h", "1d", "1h x", "nan", "1e99h", "99999999h"})
    EXPECT_FALSE(admin::seconds_of(bad)) << bad;
  admin_user_body body;
  body.ban_duration = "2m";
  EXPECT_EQ(admin::update_of(body)->banned_for, 120);
  body.phone = "+49";
  EXPECT_EQ(admin::update_of(body).error().reason, "phone_provider_disabled");
}

TEST(http_supabase, the_document_does_not_list_another_projects_api) {
  edge_under_test on;
  EXPECT_EQ(ask(on, "GET", "/openapi.json", {}, {}).body.find("/auth/v1/"), std::string::npos);
}

} // namespace
} // namespace troupe::test
