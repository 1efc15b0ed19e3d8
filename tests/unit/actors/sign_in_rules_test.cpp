// Goal: a sign-in sends a browser only where it may, a code is only good with its verifier, and a
// mail proves its address and no more. Method: the pure rules, with plain digests made for tests.
#include "actors/auth/sign_in_rules.hpp"
#include "tests/unit/actors/plain_digests.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

const test::plain_digests digest;

const redirect_rules::policy places{
    "https://app.example.com/",
    {"https://other.example/welcome?a=b", "http://localhost:3000/**", "myapp://callback"}};

TEST(redirect_rules, a_browser_goes_to_the_site_and_to_what_is_listed) {
  for (const auto* good :
       {"https://app.example.com", "https://app.example.com/", "https://app.example.com/a/b?c#d",
        "https://app.example.com?x", "https://other.example/welcome?a=b", "http://localhost:3000",
        "http://localhost:3000/deep/er?q", "myapp://callback"})
    EXPECT_TRUE(redirect_rules::allows(places, good)) << good;
}

TEST(redirect_rules, whatever_else_it_looks_like_goes_nowhere) {
  for (const auto* bad :
       {"", "/relative", "//evil.test", "https://evil.test", "https://app.example.com.evil.test",
        "https://app.example.com@evil.test", "https://app.example.com:444/",
        "http://app.example.com/", "https://app.example.com\\@evil.test",
        "https://app.example.com/\r\nSet-Cookie: a=b", "https://app.example.com/ x",
        "javascript:alert(1)", "https://other.example/welcome",
        "https://other.example/welcome?a=b#c", "http://localhost:3000@evil.test/",
        "http://localhost:30001/", "myapp://callback/x", "myapp://", "https://\xc3\xa4.example"})
    EXPECT_FALSE(redirect_rules::allows(places, bad)) << bad;
  EXPECT_FALSE(redirect_rules::allows({}, "https://app.example.com"));
  EXPECT_EQ(redirect_rules::target(places, "https://evil.test"), "https://app.example.com/");
}

TEST(redirect_rules, a_pattern_is_a_url_or_a_whole_origin) {
  for (const auto* good : {"https://a.example", "https://a.example/b", "https://a.example/**",
                           "http://localhost:3000/**", "myapp://callback"})
    EXPECT_TRUE(redirect_rules::is_pattern(good)) << good;
  for (const auto* bad :
       {"", "*", "**", "https://**", "https://*.example/**", "https://a.example/*",
        "https://a.example/b/**", "a.example/**", "https://a b/**"})
    EXPECT_FALSE(redirect_rules::is_pattern(bad)) << bad;
}

TEST(redirect_rules, parameters_join_the_query_before_the_fragment_or_replace_it) {
  EXPECT_EQ(redirect_rules::with_query("https://a.b/c?d=e#f", {{"code", "x&y"}}),
            "https://a.b/c?d=e&code=x%26y#f");
  EXPECT_EQ(redirect_rules::with_query("https://a.b", {{"q", " "}}), "https://a.b?q=%20");
  EXPECT_EQ(redirect_rules::with_fragment("https://a.b/#old", {{"a", "1"}, {"b", "2"}}),
            "https://a.b/#a=1&b=2");
}

const std::string verifier(43, 'v');

TEST(pkce_flow, a_code_fits_its_verifier_and_no_other) {
  for (const auto& [method, value] : {std::pair("S256", digest.sha256_base64url(verifier)),
                                      std::pair("plain", verifier), std::pair("", verifier)}) {
    const auto asked = pkce_flow::challenge_of(value, method);
    ASSERT_TRUE(asked) << method;
    const auto code = pkce_flow::make_code("u", "otp", *asked, digest, 100);
    EXPECT_EQ(code.row.hash, digest.sha256_hex(code.text));
    EXPECT_EQ(code.row.expires_at, 100 + limits::pkce_code_ttl.count());
    EXPECT_EQ(pkce_flow::method_of(code.row), "otp");
    const auto kept = pkce_flow::challenge_of(code.row);
    EXPECT_EQ(kept, *asked);
    EXPECT_TRUE(pkce_flow::fits(kept, verifier, digest));
    EXPECT_FALSE(pkce_flow::fits(kept, std::string(43, 'w'), digest));
    EXPECT_FALSE(pkce_flow::fits(kept, "", digest));
  }
}

TEST(pkce_flow, without_a_challenge_no_verifier_fits) {
  const auto none = pkce_flow::challenge_of("", "s256");
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->value.empty());
  EXPECT_FALSE(pkce_flow::fits(*none, "", digest));
  EXPECT_FALSE(pkce_flow::fits(*none, verifier, digest));
}

TEST(pkce_flow, a_challenge_of_another_form_is_refused) {
  EXPECT_EQ(pkce_flow::challenge_of(verifier, "md5").error().param, "code_challenge_method");
  EXPECT_EQ(pkce_flow::challenge_of("short", "s256").error().param, "code_challenge");
  EXPECT_EQ(pkce_flow::challenge_of(std::string(43, '='), "s256").error().param, "code_challenge");
}

user_row ada(bool confirmed) {
  user_row row;
  row.id = "u1";
  row.email = "Ada@Example.org";
  row.password_hash = "hash";
  if (confirmed) row.email_confirmed_at = "then";
  return row;
}

sign_in_rules::mail_token token_of(mail_kind kind, std::string email = "ada@example.org") {
  const sign_in_rules::flow on{"https://app.example.com/x", {"c", "plain"}};
  return sign_in_rules::make_mail_token(kind, "u1", std::move(email), on, digest, 100,
                                        std::chrono::seconds(60));
}

TEST(mail_tokens, a_token_keeps_where_its_sign_in_goes_on) {
  const auto token = token_of(mail_kind::recovery);
  EXPECT_EQ(token.row.kind, "recovery");
  EXPECT_EQ(token.row.hash, digest.sha256_hex(token.link));
  EXPECT_EQ(token.row.expires_at, 160);
  EXPECT_EQ(token.code.size(), 6u);
  EXPECT_EQ(token.code.find_first_not_of("0123456789"), std::string::npos);
  EXPECT_EQ(token.row.extra.raw.find(token.code), std::string::npos) << "the code is kept hashed";
  const auto on = sign_in_rules::flow_of(token.row);
  EXPECT_EQ(on.redirect_to, "https://app.example.com/x");
  EXPECT_EQ(on.pkce, (pkce_flow::challenge{"c", "plain"}));
  sign_in_policy policy;
  policy.public_url = "https://api.example.com";
  EXPECT_EQ(sign_in_rules::link_of(policy, mail_kind::recovery, token, on.redirect_to),
            "https://api.example.com/auth/v1/verify?token=" + token.link +
                "&type=recovery&redirect_to=https%3A%2F%2Fapp.example.com%2Fx");
}

TEST(mail_tokens, a_code_is_dead_after_some_wrong_ones_and_its_link_lives_on) {
  auto token = token_of(mail_kind::magic_link);
  EXPECT_TRUE(sign_in_rules::is_code(token.row, token.code, digest));
  EXPECT_FALSE(sign_in_rules::is_code(token.row, "", digest));
  for (int wrong = 1; wrong < limits::mail_code_tries; ++wrong) {
    token.row = sign_in_rules::after_wrong_code(token.row);
    EXPECT_TRUE(sign_in_rules::is_code(token.row, token.code, digest)) << wrong;
  }
  token.row = sign_in_rules::after_wrong_code(token.row);
  EXPECT_FALSE(sign_in_rules::is_code(token.row, token.code, digest));
  EXPECT_EQ(token.row.hash, digest.sha256_hex(token.link));
  EXPECT_EQ(sign_in_rules::flow_of(token.row).pkce.value, "c");
}

TEST(mail_tokens, a_proof_confirms_the_address_that_it_was_sent_to) {
  const auto proved =
      sign_in_rules::prove(ada(false), token_of(mail_kind::confirm_signup).row, "now");
  ASSERT_TRUE(proved);
  EXPECT_EQ(proved->user.email_confirmed_at, "now");
  EXPECT_EQ(proved->user.password_hash, "hash");
  EXPECT_FALSE(proved->takes_over);
  const auto other = token_of(mail_kind::magic_link, "bob@example.org");
  EXPECT_EQ(sign_in_rules::prove(ada(true), other.row, "now").error().reason, "otp_expired");
}

TEST(mail_tokens, who_proves_an_address_first_takes_the_account_from_who_only_claimed_it) {
  for (const auto kind : {mail_kind::recovery, mail_kind::magic_link, mail_kind::invite}) {
    const auto proved = sign_in_rules::prove(ada(false), token_of(kind).row, "now");
    ASSERT_TRUE(proved);
    EXPECT_TRUE(proved->takes_over);
    EXPECT_EQ(proved->user.password_hash, "");
    const auto again = sign_in_rules::prove(ada(true), token_of(kind).row, "now");
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->takes_over);
    EXPECT_EQ(again->user.password_hash, "hash");
    EXPECT_EQ(again->user.email_confirmed_at, "then");
  }
}

TEST(mail_tokens, the_link_of_a_sign_up_confirms_its_own_password_and_no_other) {
  sign_in_rules::flow mine;
  mine.password_hash = "mine";
  auto token = token_of(mail_kind::confirm_signup).row;
  token.extra =
      sign_in_rules::make_mail_token(mail_kind::confirm_signup, token.user_id, token.email, mine,
                                     digest, 100, std::chrono::seconds(60))
          .row.extra;
  EXPECT_EQ(sign_in_rules::flow_of(token).password_hash, "mine");
  auto claimed = ada(false);
  claimed.password_hash = "of somebody who signed up before";
  const auto proved = sign_in_rules::prove(claimed, token, "now");
  ASSERT_TRUE(proved);
  EXPECT_EQ(proved->user.password_hash, "mine");
  EXPECT_TRUE(proved->takes_over);
  const auto wrong = sign_in_rules::after_wrong_code(token);
  EXPECT_EQ(sign_in_rules::flow_of(wrong).password_hash, "mine") << "a wrong code changes nothing";
}

TEST(redirect_rules, a_path_is_not_walked_upwards) {
  const redirect_rules::policy in{"https://app.example.com/shop", {}};
  EXPECT_TRUE(redirect_rules::allows(in, "https://app.example.com/shop/a.b/..c/d?x=/../"));
  for (const auto* url :
       {"https://app.example.com/shop/../other", "https://app.example.com/shop/..",
        "https://app.example.com/shop/./x", "https://app.example.com/shop/%2e%2E/x",
        "https://app.example.com/shop/.%2e?y"})
    EXPECT_FALSE(redirect_rules::allows(in, url)) << url;
}

TEST(mail_tokens, a_new_address_makes_an_account_of_an_anonymous_one) {
  auto nobody = ada(false);
  nobody.email.clear();
  nobody.anonymous = true;
  const auto proved =
      sign_in_rules::prove(nobody, token_of(mail_kind::email_change, "new@example.org").row, "now");
  ASSERT_TRUE(proved);
  EXPECT_EQ(proved->user.email, "new@example.org");
  EXPECT_EQ(proved->user.email_confirmed_at, "now");
  EXPECT_FALSE(proved->user.anonymous);
  EXPECT_NE(proved->user.app_metadata.raw.find("email"), std::string::npos);
}

TEST(mail_tokens, a_type_of_a_request_finds_its_mails) {
  using enum mail_kind;
  EXPECT_EQ(sign_in_rules::kinds_of("signup"), std::vector{confirm_signup});
  EXPECT_EQ(sign_in_rules::kinds_of("email"), (std::vector{magic_link, confirm_signup}));
  EXPECT_TRUE(sign_in_rules::kinds_of("sms").empty());
}

TEST(mail_tokens, a_link_ends_with_a_session_or_with_an_error_in_the_url) {
  session_reply session;
  session.access_token = "a.b";
  session.refresh_token = "r";
  session.expires_in = 900;
  session.expires_at = 1000;
  EXPECT_EQ(sign_in_rules::location_of("https://a.b/", session, "signup"),
            "https://a.b/#access_token=a.b&expires_at=1000&expires_in=900&refresh_token=r&"
            "token_type=bearer&type=signup");
  const auto wrong = sign_in_rules::location_of("https://a.b/", sign_in_rules::bad_token());
  EXPECT_TRUE(wrong.starts_with("https://a.b/?error=access_denied&error_code=otp_expired&"));
  EXPECT_NE(wrong.find("#error=access_denied"), std::string::npos);
}

} // namespace
} // namespace troupe
