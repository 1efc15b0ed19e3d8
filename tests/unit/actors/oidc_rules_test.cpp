// Goal: a sign-in at another provider asks it for what it should, believes only the token that is
// of this sign-in, and reads foreign documents with care; a provider's document is asked for once
// however many come. Method: the pure rules with plain digests; the directory with a clock and a
// provider in the test's hand.
#include "actors/auth/oidc_rules.hpp"
#include "actors/auth/provider_directory.hpp"
#include "messages/base/limits.hpp"
#include "tests/unit/actors/plain_digests.hpp"

#include <gtest/gtest.h>
#include <deque>

namespace troupe {
namespace {

using namespace oidc_rules;
using namespace std::chrono_literals;

const test::plain_digests digest;
const std::string issuer = "https://id.example";

fetch_reply answered(int status, std::string body) {
  return {.status = status, .content_type = {}, .cache_control = {}, .body = std::move(body)};
}

std::string document(const std::string& more = {}) {
  return R"({"issuer":"https://id.example","authorization_endpoint":"https://id.example/auth?a=b",)"
         R"("token_endpoint":"https://id.example/token")" +
         more + "}";
}

foreign_claims claims(const std::string& payload) {
  return {.sub = "ada", .iss = issuer, .email = {}, .name = {}, .exp = 0, .payload = {payload}};
}

template <class T>
errc code_of(const result<T>& r) {
  EXPECT_FALSE(r.has_value());
  return r ? errc::internal : r.error().code;
}

TEST(oidc_rules, a_discovery_document_tells_where_to_ask) {
  const auto at = metadata_of(answered(200, document()), issuer);
  ASSERT_TRUE(at) << at.error().message;
  EXPECT_EQ(at->authorization_endpoint, "https://id.example/auth?a=b");
  EXPECT_EQ(at->token_endpoint, "https://id.example/token");
  EXPECT_EQ(at->userinfo_endpoint, "");
  EXPECT_FALSE(at->wants_secret_in_form);
  EXPECT_FALSE(at->tells_issuer);
}

TEST(oidc_rules, a_document_of_another_issuer_or_that_leads_to_plain_http_is_refused) {
  EXPECT_EQ(code_of(metadata_of(answered(404, document()), issuer)), errc::upstream_failed);
  EXPECT_EQ(code_of(metadata_of(answered(503, document()), issuer)), errc::unavailable);
  EXPECT_EQ(code_of(metadata_of(answered(200, document()), "https://id.example/")),
            errc::upstream_failed);
  EXPECT_EQ(code_of(metadata_of(answered(200, "<html>"), issuer)), errc::upstream_failed);
  EXPECT_EQ(code_of(metadata_of(answered(200, R"({"issuer":"https://id.example",)"
                                              R"("authorization_endpoint":"http://id.example/a",)"
                                              R"("token_endpoint":"https://id.example/t"})"),
                                issuer)),
            errc::upstream_failed);
  EXPECT_EQ(
      code_of(metadata_of(answered(200, R"({"issuer":"https://id.example",)"
                                        R"("authorization_endpoint":"https://id.example/\r\nX: y",)"
                                        R"("token_endpoint":"https://id.example/t"})"),
                          issuer)),
      errc::upstream_failed);
}

TEST(oidc_rules, the_browser_takes_state_nonce_challenge_and_allowed_hints_along) {
  const auto in = begin("acme", {"https://app.example", {}}, digest);
  const auto url = authorization_url(
      *metadata_of(answered(200, document()), issuer), {"we b", {}, {"openid", "email"}},
      "https://t.example/cb", in, "email calendar",
      {"prompt=login", "client_id=evil", "state", "prompt=none"}, digest);
  EXPECT_EQ(url,
            "https://id.example/auth?a=b&response_type=code&client_id=we%20b&redirect_uri="
            "https%3A%2F%2Ft.example%2Fcb&scope=openid%20email%20calendar&state=" +
                in.state + "&nonce=" + in.nonce + "&code_challenge=" +
                digest.sha256_base64url(in.verifier) + "&code_challenge_method=S256&prompt=login");
}

TEST(oidc_rules, a_sign_in_is_kept_under_the_hash_of_its_state) {
  const auto in = begin("acme", {"https://app.example/a?b", {"challenge", "s256"}}, digest);
  const auto row = row_of(in, digest, 1000);
  EXPECT_EQ(row.hash, digest.sha256_hex(in.state));
  EXPECT_EQ(row.expires_at, 1000 + limits::provider_sign_in_ttl.count());
  EXPECT_FALSE(row.extra.raw.contains(in.state));
  const auto back = pending_of(row);
  EXPECT_EQ(back.provider, "acme");
  EXPECT_EQ(back.on.redirect_to, "https://app.example/a?b");
  EXPECT_EQ(back.on.pkce, (pkce_flow::challenge{"challenge", "s256"}));
  EXPECT_EQ(back.nonce, in.nonce);
  EXPECT_EQ(back.verifier, in.verifier);
}

TEST(oidc_rules, a_clients_secret_goes_where_the_provider_takes_it) {
  const auto basic = *metadata_of(answered(200, document()), issuer);
  const oidc_client confidential{"we:b", {"s e"}, {}};
  auto wish = token_request(basic, confidential, "https://t/cb", "c", "v");
  EXPECT_EQ(wish.user, "we%3Ab");
  EXPECT_EQ(wish.password.value, "s%20e");
  EXPECT_EQ(wish.form.size(), 4u);
  const auto in_form = *metadata_of(
      answered(200, document(R"(,"token_endpoint_auth_methods_supported":["client_secret_post"])")),
      issuer);
  wish = token_request(in_form, confidential, "https://t/cb", "c", "v");
  EXPECT_EQ(wish.user, "");
  EXPECT_EQ(wish.form.back(), (std::pair<std::string, std::string>{"client_secret", "s e"}));
  wish = token_request(basic, {"web", {}, {}}, "https://t/cb", "c", "v");
  EXPECT_EQ(wish.user, "");
  EXPECT_EQ(wish.form.back(), (std::pair<std::string, std::string>{"client_id", "web"}));
}

TEST(oidc_rules, a_long_refusal_is_cut_between_characters) {
  const auto told = refused_by_provider("access_denied", std::string(255, 'x') + "\u00e4" + "y");
  EXPECT_EQ(told.message, std::string(255, 'x'));
  EXPECT_EQ(refused_by_provider("access_denied", "").message, "access_denied");
}

TEST(oidc_rules, only_an_answer_with_an_id_token_is_one) {
  EXPECT_EQ(tokens_of(answered(200, R"({"id_token":"t","access_token":"a"})"))->access_token, "a");
  EXPECT_EQ(code_of(tokens_of(answered(200, R"({"access_token":"a"})"))), errc::upstream_failed);
  EXPECT_EQ(code_of(tokens_of(answered(200, "no json"))), errc::upstream_failed);
  EXPECT_EQ(code_of(tokens_of(answered(500, ""))), errc::upstream_failed);
  EXPECT_EQ(code_of(tokens_of(answered(400, R"({"error":"invalid_grant"})"))), errc::forbidden);
  EXPECT_EQ(code_of(tokens_of(answered(401, R"({"error":"invalid_client"})"))),
            errc::upstream_failed);
}

TEST(oidc_rules, an_id_token_is_believed_with_our_audience_party_and_nonce_only) {
  const auto judge = [](const std::string& payload) {
    return check_id_token(claims(payload), "web", "n").has_value();
  };
  EXPECT_TRUE(judge(R"({"aud":"web","nonce":"n"})"));
  EXPECT_TRUE(judge(R"({"aud":["other","web"],"azp":"web","nonce":"n"})"));
  EXPECT_FALSE(judge(R"({"aud":"other","nonce":"n"})"));
  EXPECT_FALSE(judge(R"({"nonce":"n"})"));
  EXPECT_FALSE(judge(R"({"aud":["web"],"azp":"other","nonce":"n"})"));
  EXPECT_FALSE(judge(R"({"aud":"web","nonce":"m"})"));
  EXPECT_FALSE(judge(R"({"aud":"web"})"));
}

TEST(oidc_rules, a_token_that_is_brought_is_an_id_token_of_ours) {
  const auto judge = [](const std::string& payload) {
    return check_brought_token(claims(payload), {"web", "phone"}, "", digest).has_value();
  };
  EXPECT_TRUE(judge("{}"));
  EXPECT_TRUE(judge(R"({"azp":"phone"})"));
  for (const auto* bad : {R"({"azp":"other"})", R"({"token_use":"access"})", R"({"typ":"Bearer"})",
                          R"({"scope":"openid"})", R"({"scp":["read"]})"})
    EXPECT_FALSE(judge(bad)) << bad;
  auto marked = claims("{}");
  marked.is_access_token = true;
  EXPECT_FALSE(check_brought_token(marked, {"web"}, "", digest));
}

TEST(oidc_rules, a_token_that_is_brought_has_the_digest_of_the_nonce_or_none) {
  const auto judge = [](const std::string& payload, const std::string& nonce) {
    return check_brought_token(claims(payload), {"web"}, nonce, digest).has_value();
  };
  EXPECT_TRUE(judge("{}", ""));
  EXPECT_TRUE(judge(R"({"nonce":")" + digest.sha256_hex("n") + R"("})", "n"));
  EXPECT_FALSE(judge(R"({"nonce":"n"})", "n"));
  EXPECT_FALSE(judge(R"({"nonce":"n"})", ""));
  EXPECT_FALSE(judge("{}", "n"));
}

TEST(oidc_rules, userinfo_completes_the_claims_of_the_same_subject_only) {
  const auto whole = with_userinfo(
      claims(R"({"aud":"web"})"),
      answered(200, R"({"sub":"ada","email":"a@b.c","email_verified":true,"name":"Ada"})"));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->email, "a@b.c");
  EXPECT_TRUE(whole->email_verified);
  EXPECT_EQ(whole->name, "Ada");
  EXPECT_TRUE(whole->payload.raw.contains(R"("aud":"web")"));
  EXPECT_TRUE(whole->payload.raw.contains(R"("email":"a@b.c")"));
  for (const auto* bad :
       {R"({"sub":"bob","email":"a@b.c"})", R"({"email":"a@b.c"})", "nonsense", R"({"sub":"ada")"})
    EXPECT_EQ(code_of(with_userinfo(claims("{}"), answered(200, bad))), errc::upstream_failed)
        << bad;
}

struct provider_directory_test : testing::Test {
  std::chrono::steady_clock::time_point now{1h};
  std::deque<foreign_issuers::after<fetch_reply>> asked;
  foreign_issuer acme{.name = "acme", .issuer = issuer};
  provider_directory all{
      {.claimed_issuer = {},
       .fetch = [this](const fetch_request&, auto then) { asked.push_back(std::move(then)); },
       .later = {},
       .unix_now = {},
       .steady_now = [this] { return now; }}};
  int good = 0;
  std::vector<error> bad;

  void ask() {
    all.metadata(acme, [this](const result<provider_metadata>& at) {
      if (at)
        ++good;
      else
        bad.push_back(at.error());
    });
  }
  void answer(result<fetch_reply> with) {
    auto then = std::move(asked.front());
    asked.pop_front();
    then(std::move(with));
  }
};

TEST_F(provider_directory_test, many_wait_for_one_answer_and_later_ones_for_none) {
  for (int n = 0; n < 5; ++n) ask();
  ASSERT_EQ(asked.size(), 1u);
  answer(answered(200, document()));
  ask();
  EXPECT_EQ(good, 6);
  EXPECT_TRUE(asked.empty());
  now += limits::issuer_keys_age_min;
  ask();
  EXPECT_EQ(asked.size(), 1u);
}

TEST_F(provider_directory_test, a_provider_that_is_down_is_unavailable_and_then_healed) {
  ask();
  answer(fail(errc::deadline_exceeded, "slow"));
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].code, errc::unavailable);
  EXPECT_GT(bad[0].retry_after_ms, 0u);
  ask();
  answer(answered(200, document()));
  EXPECT_EQ(good, 1);
}

TEST_F(provider_directory_test, a_known_document_outlives_its_provider) {
  ask();
  answer(answered(200, document()));
  now += 24h;
  ask();
  answer(answered(500, ""));
  ask(); // and it is not asked again at once
  EXPECT_EQ(good, 3);
  EXPECT_TRUE(bad.empty());
  EXPECT_TRUE(asked.empty());
}

TEST_F(provider_directory_test, those_who_wait_are_bounded) {
  for (std::size_t n = 0; n <= limits::issuer_waiters; ++n) ask();
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].code, errc::overloaded);
}

} // namespace
} // namespace troupe
