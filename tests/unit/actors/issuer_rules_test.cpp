// Goal: what is decided about other issuers and their users. Method: the pure functions with
// made-up answers, claims and accounts.
#include "actors/auth/issuer_rules.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/chat_json.hpp"

#include <gtest/gtest.h>

namespace troupe::issuer_rules {
namespace {

using namespace std::chrono_literals;

const std::string issuer = "https://id.example";

fetch_reply metadata(const std::string& body, int status = 200) {
  return {status, "application/json", "", body};
}

foreign_claims claims() {
  return {.sub = "s-1",
          .iss = issuer,
          .email = "ann@x.example",
          .email_verified = true,
          .name = "Ann",
          .exp = 1,
          .payload = {R"({"sub":"s-1"})"}};
}

TEST(issuer_rules, the_discovery_address_has_one_slash_after_the_issuer) {
  const std::string wanted = "https://id.example/realms/a/.well-known/openid-configuration";
  EXPECT_EQ(discovery_url("https://id.example/realms/a"), wanted);
  EXPECT_EQ(discovery_url("https://id.example/realms/a/"), wanted);
}

TEST(issuer_rules, discovery_names_the_keys_of_its_own_issuer) {
  const auto found = keys_url_of(
      metadata(R"({"issuer":"https://id.example","jwks_uri":"https://cdn.example/k"})"), issuer);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, "https://cdn.example/k");
}

TEST(issuer_rules, a_discovery_document_that_cannot_be_trusted_names_nothing) {
  const std::string good = R"({"issuer":"https://id.example","jwks_uri":"https://cdn.example/k"})";
  EXPECT_FALSE(keys_url_of(metadata(good, 404), issuer));
  EXPECT_FALSE(keys_url_of(metadata(good), "https://id.example/"));
  for (const std::string body :
       {"", "[]", "no json", R"({"issuer":"https://id.example"})",
        R"({"issuer":"https://evil.example","jwks_uri":"https://cdn.example/k"})",
        R"({"issuer":"https://id.example","jwks_uri":"http://cdn.example/k"})",
        R"({"issuer":"https://id.example","jwks_uri":"file:///etc/passwd"})",
        R"({"issuer":"https://id.example","jwks_uri":7})"})
    EXPECT_FALSE(keys_url_of(metadata(body), issuer)) << body;
}

TEST(issuer_rules, an_issuer_over_plain_http_may_have_its_keys_there_too) {
  EXPECT_TRUE(
      keys_url_of(metadata(R"({"issuer":"http://gotrue:9999","jwks_uri":"http://gotrue:9999/k"})"),
                  "http://gotrue:9999"));
}

TEST(issuer_rules, cache_control_decides_within_bounds_how_long_keys_are_fresh) {
  EXPECT_EQ(keys_age("public, max-age=3600"), 1h);
  EXPECT_EQ(keys_age("Public, Max-Age=3600, must-revalidate"), 1h);
  EXPECT_EQ(keys_age("max-age=10"), limits::issuer_keys_age_min);
  EXPECT_EQ(keys_age("max-age=-7"), limits::issuer_keys_age_min);
  EXPECT_EQ(keys_age("max-age=99999999"), limits::issuer_keys_age_max);
  EXPECT_EQ(keys_age("max-age=99999999999999999999999"), limits::issuer_keys_age_max);
  for (const char* none : {"", "no-store", "max-age=", "max-age=x", "s-maxage=7200"})
    EXPECT_EQ(keys_age(none), limits::issuer_keys_age_min) << none;
}

TEST(issuer_rules, a_pause_is_over_when_its_time_has_passed_and_at_the_start) {
  const ask_pause::time_point begin{1000s};
  ask_pause pause(30s);
  EXPECT_TRUE(pause.is_over(begin));
  pause.begin(begin);
  EXPECT_FALSE(pause.is_over(begin));
  EXPECT_FALSE(pause.is_over(begin + 29999ms));
  EXPECT_EQ(pause.left(begin + 29s), 1s);
  EXPECT_TRUE(pause.is_over(begin + 30s));
}

TEST(issuer_rules, an_email_counts_only_when_the_issuer_verified_it) {
  auto who = claims();
  EXPECT_EQ(trusted_email(who), "ann@x.example");
  who.email_verified = false;
  EXPECT_EQ(trusted_email(who), "");
  who.email_verified = true;
  for (const std::string& wrong :
       {std::string(), std::string("ann"), std::string("a b@x"), std::string(300, 'a') + "@x"}) {
    who.email = wrong;
    EXPECT_EQ(trusted_email(who), "") << wrong;
  }
}

TEST(issuer_rules, a_new_account_has_what_the_token_proves) {
  const foreign_issuer from{.name = "acme", .issuer = issuer, .role = "viewer"};
  auto who = claims();
  const auto row = new_user(from, who);
  EXPECT_EQ(row.email, "ann@x.example");
  EXPECT_FALSE(row.email_confirmed_at.empty());
  EXPECT_EQ(row.name, "Ann");
  EXPECT_EQ(row.role, "viewer");
  EXPECT_TRUE(row.password_hash.empty());
  EXPECT_EQ(row.app_metadata.raw, R"({"provider":"acme","providers":["acme"]})");
  who.email_verified = false;
  who.name = std::string(5000, 'x');
  const auto other = new_user(from, who);
  EXPECT_EQ(other.email, "");
  EXPECT_EQ(other.email_confirmed_at, "");
  EXPECT_EQ(other.name, "");
  const auto identity = new_identity(from, who, other.id);
  EXPECT_EQ(identity.provider, "acme");
  EXPECT_EQ(identity.subject, "s-1");
  EXPECT_EQ(identity.user_id, other.id);
  EXPECT_EQ(identity.data.raw, R"({"sub":"s-1"})");
}

TEST(issuer_rules, an_email_leads_to_an_account_only_when_both_sides_verified_it) {
  foreign_issuer from{.name = "acme", .issuer = issuer};
  user_row account;
  account.email = "ann@x.example";
  account.email_confirmed_at = "2026-01-01T00:00:00.000000Z";
  EXPECT_EQ(may_link(from, account).error().code, errc::forbidden);
  from.link_by_email = true;
  EXPECT_TRUE(may_link(from, account));
  account.role = "admin";
  EXPECT_EQ(may_link(from, account).error().reason, "email_exists");
  account.role = "user";
  account.email_confirmed_at.clear();
  EXPECT_EQ(may_link(from, account).error().reason, "email_exists");
}

TEST(issuer_rules, an_issuer_that_cannot_be_asked_is_no_wrong_credential) {
  const auto why = issuer_unreachable(2500ms);
  EXPECT_EQ(why.code, errc::unavailable);
  EXPECT_EQ(why.retry_after_ms, 2500u);
  EXPECT_EQ(issuer_unreachable(-5s).retry_after_ms, 1000u);
}

} // namespace
} // namespace troupe::issuer_rules
