// Goal: a token of another issuer is accepted only for us and in its time, and what it says of its
// holder is read without belief in more than it says.
// Method: payloads that the issuer's own key signs, right but for one claim.
#include "tests/unit/adapters/foreign_support.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace test;

TEST(foreign_claims, another_issuer_or_audience_is_refused) {
  const auto verifier = verifier_of(settings());
  const auto token = [](const std::string& iss, const std::string& aud) {
    return the_issuer().token(R"({"sub":"u","exp":1800000100)" + iss + aud + "}");
  };
  const std::string iss = R"(,"iss":"https://issuer.example")";
  for (const char* aud : {R"(,"aud":"troupe")", R"(,"aud":"spare")", R"(,"aud":["x","troupe"])"})
    EXPECT_TRUE(verifier->verify(token(iss, aud), now)) << aud;
  for (const char* aud : {"", R"(,"aud":"other")", R"(,"aud":"Troupe")", R"(,"aud":"")",
                          R"(,"aud":[])", R"(,"aud":[["troupe"]])", R"(,"aud":{"troupe":1})",
                          R"(,"aud":null)", R"(,"client_id":"troupe")"})
    EXPECT_TRUE(refused(*verifier, token(iss, aud))) << aud;
  for (const char* other : {"", R"(,"iss":"https://issuer.example/")", R"(,"iss":1)",
                            R"(,"iss":["https://issuer.example"])", R"(,"iss":"")"})
    EXPECT_TRUE(refused(*verifier, token(other, R"(,"aud":"troupe")"))) << other;
  auto config = settings();
  config.audiences = {};
  EXPECT_TRUE(verifier_of(config)->verify(token(iss, ""), now));
}

TEST(foreign_claims, cognito_access_tokens_are_known_by_their_client_and_id_tokens_by_aud) {
  const auto token = [](const std::string& more) {
    return the_issuer().token(R"({"sub":"u","iss":"https://issuer.example","exp":1800000100)" +
                              more + "}");
  };
  const auto access = token(R"(,"token_use":"access","client_id":"troupe")");
  const auto id = token(R"(,"token_use":"id","aud":"troupe","email_verified":"true")");
  auto config = settings();
  config.token_uses = {"access"};
  EXPECT_TRUE(verifier_of(config)->verify(access, now));
  EXPECT_TRUE(refused(*verifier_of(config), id));
  EXPECT_TRUE(refused(*verifier_of(config), token(R"(,"token_use":"access","client_id":"x")")));
  EXPECT_TRUE(refused(*verifier_of(config), token(R"(,"token_use":"access","aud":"troupe")")));
  config.token_uses = {"id"};
  EXPECT_TRUE(refused(*verifier_of(config), access));
  EXPECT_TRUE(refused(*verifier_of(config), token(R"(,"token_use":"id","client_id":"troupe")")));
  EXPECT_TRUE(refused(*verifier_of(config), token(R"(,"aud":"troupe")"))) << "no token_use";
  const auto read = verifier_of(config)->verify(id, now);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->email_verified) << "Cognito writes it as a string in places";
  config.token_uses = {"id", "access"};
  EXPECT_TRUE(verifier_of(config)->verify(access, now));
  EXPECT_TRUE(verifier_of(config)->verify(id, now));
}

TEST(foreign_claims, times_are_held_with_the_leeway) {
  auto config = settings();
  const auto at_leeway = [&](int seconds) {
    config.leeway = std::chrono::seconds(seconds);
    return verifier_of(config);
  };
  const auto token = the_issuer().token(payload(R"(,"nbf":1800000000,"iat":1800000000)"));
  for (const int leeway : {0, 30, 300}) {
    EXPECT_TRUE(at_leeway(leeway)->verify(token, now - leeway)) << leeway;
    EXPECT_TRUE(refused(*at_leeway(leeway), token, now - leeway - 1)) << leeway;
    EXPECT_TRUE(at_leeway(leeway)->verify(token, now + 100 + leeway - 1)) << leeway;
    EXPECT_TRUE(refused(*at_leeway(leeway), token, now + 100 + leeway)) << leeway;
  }
  EXPECT_TRUE(refused(*at_leeway(0), the_issuer().token(payload(R"(,"iat":1800000001)"))));
  EXPECT_TRUE(refused(*at_leeway(0), the_issuer().token(payload(R"(,"nbf":1800000001)"))));
}

TEST(foreign_claims, times_that_are_no_times_are_refused_and_fractions_are_read) {
  const auto verifier = verifier_of(settings());
  const auto token = [](const std::string& exp) {
    return the_issuer().token(R"({"sub":"u","iss":"https://issuer.example","aud":"troupe")" + exp +
                              "}");
  };
  for (const char* exp :
       {"", R"(,"exp":"1800000100")", R"(,"exp":null)", R"(,"exp":-1)", R"(,"exp":1e300)",
        R"(,"exp":-1e300)", R"(,"exp":99999999999999999999)", R"(,"exp":9223372036854775807)",
        R"(,"exp":18446744073709551615)", R"(,"exp":[1800000100])", R"(,"exp":true)"})
    EXPECT_TRUE(refused(*verifier, token(exp))) << exp;
  EXPECT_TRUE(verifier->verify(token(R"(,"exp":1800000100.75)"), now));
  for (const char* wrong : {R"(,"nbf":"1")", R"(,"iat":"1")", R"(,"nbf":null)", R"(,"iat":1e300)",
                            R"(,"nbf":9223372036854775807)"})
    EXPECT_TRUE(refused(*verifier, the_issuer().token(payload(wrong)))) << wrong;
}

TEST(foreign_claims, claims_that_two_readers_may_read_differently_are_refused) {
  const auto verifier = verifier_of(settings());
  for (const std::string& more :
       {std::string(R"(,"sub":"admin")"), std::string(R"(,"\u0073ub":"admin")"),
        std::string(R"(,"a":{"b":1,"b":2})"), std::string(R"(,"a":[{"b":1,"b":1}])"),
        std::string(R"(,"a":)" + std::string(8, '[') + std::string(8, ']')),
        std::string(",\"a\":\"\xff\"")})
    EXPECT_TRUE(refused(*verifier, the_issuer().token(payload(more)))) << more;
  EXPECT_TRUE(verifier->verify(the_issuer().token(payload(R"(,"a":{"b":1},"c":{"b":1})")), now));
  for (const char* text : {"", "[]", "\"u\"", "null", "{", "{} {}"})
    EXPECT_TRUE(refused(*verifier, the_issuer().token(text))) << text;
}

TEST(foreign_claims, a_token_without_a_subject_is_refused) {
  const auto verifier = verifier_of(settings());
  const auto token = [](const std::string& sub) {
    return the_issuer().token(R"({"iss":"https://issuer.example","aud":"troupe","exp":1800000100)" +
                              sub + "}");
  };
  EXPECT_TRUE(verifier->verify(token(R"(,"sub":")" + std::string(255, 'u') + "\""), now));
  for (const std::string& sub :
       {std::string(), std::string(R"(,"sub":"")"), std::string(R"(,"sub":1)"),
        std::string(R"(,"sub":null)"), R"(,"sub":")" + std::string(256, 'u') + "\""})
    EXPECT_TRUE(refused(*verifier, token(sub))) << sub;
}

TEST(foreign_claims, the_claimed_issuer_is_the_payloads_and_empty_when_it_cannot_be_read) {
  EXPECT_EQ(claimed_issuer(the_issuer().token(payload())), issuer);
  const auto part = [](std::string_view text) { return crypto::to_base64url(text); };
  const auto header = R"({"alg":"none","iss":"https://header.example"})";
  EXPECT_EQ(claimed_issuer(part(header) + '.' + part(R"({"iss":"x"})") + ".s"), "x");
  for (const std::string& payload :
       {std::string("{}"), std::string("no json"), std::string(R"({"iss":7})"),
        std::string(R"({"iss":"x","iss":"y"})"), std::string(R"([{"iss":"x"}])")})
    EXPECT_EQ(claimed_issuer(part(header) + '.' + part(payload) + ".s"), "") << payload;
  for (const std::string& other : {std::string(), std::string("tr-key"), std::string("a.b"),
                                   std::string("..."), part(header) + ".%%%.s"})
    EXPECT_EQ(claimed_issuer(other), "") << other;
}

TEST(foreign_claims, an_address_counts_as_verified_only_when_the_issuer_says_so) {
  const auto verifier = verifier_of(settings());
  const auto verified = [&](const std::string& more) {
    return verifier->verify(the_issuer().token(payload(more)), now).value().email_verified;
  };
  EXPECT_TRUE(verified(R"(,"email":"a@b.c","email_verified":true)"));
  for (const char* not_so :
       {R"(,"email":"a@b.c")", R"(,"email_verified":false)", R"(,"email_verified":1)",
        R"(,"email_verified":"false")", R"(,"email_verified":"TRUE")", R"(,"email_verified":null)",
        R"(,"email_verified":["true"])"})
    EXPECT_FALSE(verified(not_so)) << not_so;
  EXPECT_EQ(verifier->verify(the_issuer().token(payload(R"(,"email":1,"name":[])")), now)->email,
            "");
}

} // namespace
} // namespace troupe
