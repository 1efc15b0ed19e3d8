// Goal: of the tokens of another issuer only those are accepted that its keys signed; and a key
// that is not known is told apart from a wrong one. Method: tokens of PyJWT for each algorithm;
// tokens forged with the right key where the attack is about the form; key sets changed member by
// member.
#include "adapters/crypto/sodium_keys.hpp"
#include "messages/base/limits.hpp"
#include "tests/unit/adapters/foreign_support.hpp"
#include "tests/unit/adapters/foreign_vectors.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <random>

namespace troupe {
namespace {

using namespace test;

const std::string shared_secret = "0123456789abcdef0123456789abcdef";

// what is accepted

TEST(foreign_verifier, tokens_of_another_library_are_accepted_with_each_algorithm) {
  const auto verifier = verifier_of(
      {.issuer = issuer, .audiences = {"troupe"}, .jwks = std::string(test::foreign_vectors_jwks)});
  for (const auto& each : test::foreign_vectors) {
    const auto read = verifier->verify(each.token, now);
    ASSERT_TRUE(read) << name_of(each.alg) << ": " << read.error().message;
    EXPECT_EQ(read->sub, "u-1");
    EXPECT_EQ(read->iss, issuer);
    EXPECT_EQ(read->email, "ann@example.com");
    EXPECT_TRUE(read->email_verified);
    EXPECT_EQ(read->name, "Ann");
    EXPECT_EQ(read->exp, 1'900'000'000);
    EXPECT_TRUE(read->payload.raw.starts_with(R"({"sub":"u-1")")) << read->payload.raw;
  }
}

TEST(foreign_verifier, only_the_configured_algorithms_are_accepted) {
  for (const auto& allowed : test::foreign_vectors) {
    const auto verifier = verifier_of({.issuer = issuer,
                                       .algorithms = {allowed.alg},
                                       .jwks = std::string(test::foreign_vectors_jwks)});
    for (const auto& each : test::foreign_vectors)
      EXPECT_EQ(refused(*verifier, std::string(each.token)), each.alg != allowed.alg)
          << name_of(each.alg) << " by " << name_of(allowed.alg);
  }
}

TEST(foreign_verifier, a_changed_byte_anywhere_is_refused) {
  const auto verifier = verifier_of(settings());
  const auto token = the_issuer().token(payload());
  ASSERT_TRUE(verifier->verify(token, now));
  for (std::size_t at = 0; at < token.size(); ++at) {
    auto changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verifier->verify(changed, now)) << at;
    EXPECT_FALSE(verifier->verify(token.substr(0, at), now)) << at;
  }
}

TEST(foreign_verifier, a_shared_secret_checks_hs256_and_nothing_else_does) {
  const auto secret = crypto::make_hs256_key(shared_secret).value();
  const auto token = test::forge(*secret, R"({"alg":"HS256","typ":"JWT"})", payload());
  auto config = settings();
  EXPECT_TRUE(refused(*verifier_of(config), token)) << "no secret is configured";
  config.hs256_secret = {shared_secret};
  EXPECT_TRUE(verifier_of(config)->verify(token, now));
  EXPECT_TRUE(verifier_of(config)->verify(the_issuer().token(payload()), now)) << "both may be";
  config.hs256_secret = {shared_secret + "x"};
  EXPECT_TRUE(refused(*verifier_of(config), token));
  config.algorithms = {jws_alg::es256};
  config.hs256_secret = {shared_secret};
  EXPECT_TRUE(refused(*verifier_of(config), token));
}

TEST(foreign_verifier, a_public_key_used_as_a_shared_secret_is_refused) {
  auto config = settings();
  config.hs256_secret = {shared_secret};
  const auto verifier = verifier_of(config);
  const auto jwks = crypto::make_hs256_key(the_issuer().jwks()).value();
  for (const char* alg : {"HS256", "ES256"}) {
    const auto header = R"({"alg":")" + std::string(alg) + R"(","kid":"k1"})";
    EXPECT_TRUE(refused(*verifier, test::forge(*jwks, header, payload())));
  }
  // And the secret's signature under the name of the public key.
  const auto secret = crypto::make_hs256_key(shared_secret).value();
  EXPECT_TRUE(refused(*verifier, test::forge(*secret, the_issuer().header, payload())));
}

// headers

TEST(foreign_verifier, headers_that_choose_their_own_rules_are_refused_though_the_signature_holds) {
  const auto verifier = verifier_of(settings());
  const auto with = [&](const std::string& header) {
    return test::forge(*the_issuer().key, header, payload());
  };
  ASSERT_TRUE(verifier->verify(with(R"({"alg":"ES256","kid":"k1"})"), now));
  for (const std::string& header :
       {std::string(R"({"alg":"none","kid":"k1"})"), std::string(R"({"alg":"None","kid":"k1"})"),
        std::string(R"({"alg":"","kid":"k1"})"), std::string(R"({"kid":"k1"})"),
        std::string(R"({"alg":"es256","kid":"k1"})"), std::string(R"({"alg":"ES512","kid":"k1"})"),
        std::string(R"({"alg":"ES384","kid":"k1"})"), std::string(R"({"alg":"RS256","kid":"k1"})"),
        std::string(R"({"alg":["ES256"],"kid":"k1"})"),
        std::string(R"({"alg":"ES256","kid":"k1","crit":["exp"]})"),
        std::string(R"({"alg":"ES256","kid":"k1","crit":["b64"],"b64":false})"),
        std::string(R"({"alg":"ES256","kid":"k1","typ":"logout+jwt"})"),
        std::string(R"({"alg":"ES256","kid":"k1","typ":1})"),
        std::string(R"({"alg":"ES256","kid":1})"), std::string(R"({"alg":"ES256","kid":null})"),
        std::string(R"({"alg":"ES256","kid":"k2","kid":"k1"})"), std::string("[]"),
        std::string("{"), R"({"alg":"ES256","kid":")" + std::string(257, 'k') + "\"}"})
    EXPECT_TRUE(refused(*verifier, with(header))) << header;
}

TEST(foreign_verifier, the_types_of_access_and_identity_tokens_are_accepted) {
  const auto verifier = verifier_of(settings());
  for (const char* typ : {"JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT"}) {
    const auto header = R"({"alg":"ES256","kid":"k1","typ":")" + std::string(typ) + R"("})";
    EXPECT_TRUE(verifier->verify(test::forge(*the_issuer().key, header, payload()), now)) << typ;
  }
}

TEST(foreign_verifier, a_key_that_the_header_brings_or_points_at_is_not_used) {
  const auto verifier = verifier_of(settings());
  const es256_issuer attacker;
  const auto members = attacker.key->public_members();
  const auto jwk = R"({"kty":"EC","crv":"P-256","x":")" + members.at("x") + R"(","y":")" +
                   members.at("y") + R"("})";
  for (const auto& offer :
       {R"("jwk":)" + jwk, std::string(R"("jku":"https://attacker.example/jwks")"),
        std::string(R"("x5u":"https://attacker.example/x5c")"), std::string(R"("x5c":["AAAA"])")}) {
    const auto header = R"({"alg":"ES256","kid":"k1",)" + offer + "}";
    EXPECT_TRUE(refused(*verifier, test::forge(*attacker.key, header, payload()))) << header;
    EXPECT_TRUE(verifier->verify(test::forge(*the_issuer().key, header, payload()), now)) << header;
  }
}

// keys

TEST(foreign_verifier, a_key_that_is_not_in_the_set_is_unknown_until_the_set_has_it) {
  const auto none = verifier_of({.issuer = issuer});
  const auto token = the_issuer().token(payload());
  EXPECT_TRUE(unknown(*none, token));
  const auto refreshed = none->with_jwks(the_issuer().jwks());
  ASSERT_TRUE(refreshed);
  EXPECT_TRUE((*refreshed)->verify(token, now));
  EXPECT_TRUE(unknown(*none, token)) << "the old one has not changed";
  for (const std::string kid : {"k2", "K1", "k1 ", "../../dev/null", "k1' OR '1'='1"}) {
    const auto header = R"({"alg":"ES256","kid":")" + kid + R"("})";
    EXPECT_TRUE(unknown(**refreshed, test::forge(*the_issuer().key, header, payload()))) << kid;
  }
}

TEST(foreign_verifier, a_token_that_cannot_be_ours_asks_for_no_newer_key_set) {
  const auto none = verifier_of({.issuer = issuer, .audiences = {"troupe"}});
  const auto of = [](const std::string& text) { return the_issuer().token(text); };
  EXPECT_TRUE(unknown(*none, of(payload())));
  EXPECT_TRUE(refused(*none, of(payload("", "https://other.example"))));
  EXPECT_TRUE(refused(*none, of(payload(R"(,"nbf":1800001000)"))));
  EXPECT_TRUE(refused(*none, of(payload()), now + 1000)) << "expired";
}

TEST(foreign_verifier, a_token_without_kid_is_accepted_by_the_only_key_of_its_algorithm) {
  const auto token = test::forge(*the_issuer().key, R"({"alg":"ES256"})", payload());
  EXPECT_TRUE(verifier_of(settings())->verify(token, now));
  auto two = es256_issuer().jwks();
  two.replace(two.find("k1"), 2, "k2");
  auto config = settings();
  config.jwks = joined(two, the_issuer().jwks());
  EXPECT_TRUE(verifier_of(config)->verify(the_issuer().token(payload()), now));
  EXPECT_TRUE(refused(*verifier_of(config), token)) << "which of two?";
}

TEST(foreign_verifier, keys_that_are_not_for_signatures_or_of_another_algorithm_are_skipped) {
  const auto token = the_issuer().token(payload());
  const auto verify_with = [&](const std::string& more) {
    auto config = settings();
    config.jwks = the_issuer().jwks(more);
    return verifier_of(config)->verify(token, now).has_value();
  };
  for (const char* fine : {"", R"(,"use":"sig")", R"(,"alg":"ES256")", R"(,"key_ops":["verify"])",
                           R"(,"x5c":["AAAA"],"x5t":"AA","unknown":{})"})
    EXPECT_TRUE(verify_with(fine)) << fine;
  for (const char* wrong :
       {R"(,"use":"enc")", R"(,"use":1)", R"(,"alg":"ES384")", R"(,"alg":"RS256")",
        R"(,"alg":"ECDH-ES")", R"(,"alg":1)", R"(,"key_ops":["encrypt"])", R"(,"key_ops":[])",
        R"(,"key_ops":"verify")", R"(,"d":"AAAA")", R"(,"k":"AAAA")"})
    EXPECT_FALSE(verify_with(wrong)) << wrong;
}

TEST(foreign_verifier, damaged_keys_are_skipped_and_the_others_serve) {
  const auto good = the_issuer().jwks().substr(9); // behind {"keys":[
  for (const char* bad :
       {R"({})", R"({"kty":"EC"})", R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})",
        R"({"kty":"EC","crv":"P-521","x":"AA","y":"AA"})", R"({"kty":"oct","k":"AAAA"})",
        R"({"kty":"RSA","n":"AQAB","e":"AQAB"})", R"({"kty":"RSA","n":"!","e":"AQAB"})",
        R"({"kty":"RSA","e":"AQAB"})", R"({"kty":"OKP","crv":"Ed25519","x":"AA"})",
        R"({"kty":"OKP","crv":"X25519","x":"AA"})", R"({"kty":1})"}) {
    auto config = settings();
    config.jwks = R"({"keys":[)" + std::string(bad) + "," + good;
    EXPECT_TRUE(verifier_of(config)->verify(the_issuer().token(payload()), now)) << bad;
  }
}

TEST(foreign_verifier, a_point_beside_its_curve_and_weak_rsa_numbers_make_no_key) {
  const std::string x(32, '\1'), y(32, '\2');
  EXPECT_EQ(crypto::make_ec_verify_key(jws_alg::es256, x, y), nullptr);
  EXPECT_EQ(crypto::make_ec_verify_key(jws_alg::es256, "", ""), nullptr);
  const std::string n2048(256, '\xff'), n8192(1024, '\xff');
  const std::string three = "\3";
  EXPECT_NE(crypto::make_rsa_verify_key(jws_alg::rs256, n2048, three), nullptr);
  EXPECT_NE(crypto::make_rsa_verify_key(jws_alg::rs256, n8192, three), nullptr);
  EXPECT_EQ(crypto::make_rsa_verify_key(jws_alg::rs256, n2048.substr(1), three), nullptr);
  EXPECT_EQ(crypto::make_rsa_verify_key(jws_alg::rs256, "\1" + n8192, three), nullptr);
  for (const std::string& e : {std::string(), std::string("\1"), std::string("\2"),
                               std::string(1, '\0'), std::string(9, '\xff')})
    EXPECT_EQ(crypto::make_rsa_verify_key(jws_alg::rs256, n2048, e), nullptr) << e.size();
}

TEST(foreign_verifier, texts_that_are_no_key_set_or_past_its_bounds_are_refused) {
  const auto verifier = verifier_of(settings());
  std::string many = R"({"keys":[{})";
  for (std::size_t n = 0; n < limits::jwks_keys; ++n) many += ",{}";
  const auto twice = joined(the_issuer().jwks(), es256_issuer().jwks());
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[]"), std::string(R"({"keys":{}})"),
        std::string(R"({"keys":[1]})"), std::string(R"({"keys":[],"keys":[]})"), many + "]}", twice,
        R"({"keys":[],"x":")" + std::string(limits::jwks_bytes, 'x') + "\"}",
        std::string(R"({"keys":)") + std::string(20, '[') + std::string(20, ']') + "}"}) {
    const auto made = verifier->with_jwks(text);
    ASSERT_FALSE(made) << text.substr(0, 60);
    EXPECT_EQ(made.error().code, errc::invalid_argument);
  }
  EXPECT_TRUE(verifier->with_jwks(R"({"keys":[]})"));
}

// sizes and configuration

TEST(foreign_verifier, a_token_past_its_bound_and_random_bytes_are_refused) {
  const auto verifier = verifier_of(settings());
  const auto sized = [](std::size_t bytes) {
    return the_issuer().token(payload(R"(,"x":")" + std::string(bytes, 'x') + "\""));
  };
  EXPECT_TRUE(verifier->verify(sized(5000), now));
  EXPECT_TRUE(refused(*verifier, sized(7000)));
  EXPECT_TRUE(refused(*verifier, std::string(32u << 20, 'A')));
  std::mt19937 random(20261121);
  for (int n = 0; n < 2000; ++n) {
    std::string token(random() % 200, '\0');
    for (auto& c : token)
      c = static_cast<char>(random() % 16 ? "AZaz09-_.=\0\xff"[random() % 12] : '.');
    EXPECT_TRUE(refused(*verifier, token));
  }
}

TEST(foreign_verifier, a_senseless_configuration_is_refused_and_names_the_field) {
  const auto param = [](auto change) {
    auto config = settings();
    change(config);
    const auto made = make_foreign_verifier(config);
    return made ? "none" : made.error().param;
  };
  EXPECT_EQ(param([](auto&) {}), "none");
  EXPECT_EQ(param([](auto& c) { c.issuer = ""; }), "issuer");
  EXPECT_EQ(param([](auto& c) { c.token_uses = {"refresh"}; }), "token_uses");
  EXPECT_EQ(param([](auto& c) { c.algorithms = {jws_alg::hs256}; }), "algorithms");
  EXPECT_EQ(param([](auto& c) { c.hs256_secret = {"short"}; }), "hs256_secret");
  EXPECT_EQ(param([](auto& c) { c.jwks = "no key set"; }), "jwks");
  EXPECT_EQ(param([](auto& c) { c.leeway = std::chrono::seconds(-1); }), "leeway");
  EXPECT_EQ(param([](auto& c) { c.leeway = std::chrono::seconds(301); }), "leeway");
}

TEST(foreign_verifier, checking_leaves_no_error_of_openssl_on_the_thread) {
  ERR_clear_error();
  const auto verifier = verifier_of(settings());
  const auto wrong = es256_issuer().token(payload());
  EXPECT_TRUE(refused(*verifier, wrong));
  EXPECT_FALSE(crypto::make_pem_key(jws_alg::es256, "no key"));
  EXPECT_EQ(crypto::make_ec_verify_key(jws_alg::es256, std::string(32, 'x'), std::string(32, 'y')),
            nullptr);
  EXPECT_EQ(ERR_peek_error(), 0u);
}

} // namespace
} // namespace troupe
