// Goal: a signer with several keys signs with the first, accepts each until it retires, shows its
// public keys as other programs read them, and writes the claims that its clients look for.
// Method: rings of generated keys; payloads read as JSON; the key set given to foreign_verifier,
// which shares only the keys' arithmetic with the signer; constants of PyJWT 2.15.1.
#include "adapters/crypto/crypto.hpp"
#include "adapters/crypto/foreign_issuer.hpp"
#include "adapters/crypto/jwk.hpp"
#include "adapters/crypto/jws.hpp"
#include "adapters/crypto/openssl_keys.hpp"
#include "adapters/crypto/sodium_keys.hpp"
#include "adapters/crypto/strict_json.hpp"
#include "messages/base/limits.hpp"
#include "tests/unit/adapters/forging.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

constexpr std::int64_t now = 1'800'000'000;
const token_claims claims{.sub = "user", .sid = "session", .iat = now - 10, .exp = now + 890};
constexpr jws_alg asymmetric[] = {jws_alg::eddsa, jws_alg::es256, jws_alg::es384, jws_alg::rs256,
                                  jws_alg::rs384, jws_alg::rs512, jws_alg::ps256};

/// RSA keys take long to find: one a program.
std::string key_for(jws_alg alg) {
  static const auto rsa = make_signing_key(jws_alg::rs256);
  const bool is_rsa = alg == jws_alg::rs256 || alg == jws_alg::rs384 || alg == jws_alg::rs512 ||
                      alg == jws_alg::ps256;
  return is_rsa ? rsa : make_signing_key(alg);
}

std::unique_ptr<token_signer> ring(jws_alg alg, std::vector<signing_key> keys) {
  return make_token_signer({.alg = alg, .keys = std::move(keys)}).value();
}

bool refused(const token_signer& signer, const std::string& token, std::int64_t at = now) {
  const auto verdict = signer.verify(token, at);
  return !verdict && verdict.error().code == errc::unauthenticated;
}

boost::json::object payload_of(const std::string& token) {
  const auto parts = crypto::split_jws(token).value();
  return crypto::parse_object(crypto::from_base64url(parts.payload).value()).value();
}

boost::json::array keys_in(const json_text& jwks) {
  return crypto::parse_object(jwks.raw).value().at("keys").as_array();
}

// keys

TEST(key_ring, every_algorithm_signs_tokens_that_only_its_own_key_accepts) {
  for (const auto alg : {jws_alg::eddsa, jws_alg::hs256, jws_alg::es256, jws_alg::es384}) {
    const auto one = ring(alg, {{.text = {key_for(alg)}}});
    const auto two = ring(alg, {{.text = {key_for(alg)}}});
    EXPECT_TRUE(one->verify(one->sign(claims), now)) << name_of(alg);
    EXPECT_TRUE(refused(*two, one->sign(claims))) << name_of(alg);
  }
  for (const auto alg : {jws_alg::rs256, jws_alg::rs384, jws_alg::rs512, jws_alg::ps256}) {
    const auto one = ring(alg, {{.text = {key_for(alg)}}});
    EXPECT_TRUE(one->verify(one->sign(claims), now)) << name_of(alg);
  }
}

TEST(key_ring, a_token_of_one_algorithm_is_refused_by_every_other_even_with_the_same_key) {
  for (const auto of_token : asymmetric)
    for (const auto of_ring : asymmetric) {
      if (of_token == of_ring) continue;
      const auto token = ring(of_token, {{.text = {key_for(of_token)}}})->sign(claims);
      EXPECT_TRUE(refused(*ring(of_ring, {{.text = {key_for(of_ring)}}}), token))
          << name_of(of_token) << " by " << name_of(of_ring);
    }
}

TEST(key_ring, a_public_key_used_as_a_shared_secret_is_refused) {
  for (const auto alg : asymmetric) {
    const auto signer = ring(alg, {{.text = {key_for(alg)}}});
    const auto jwks = signer->jwks(now).raw;
    const auto kid = std::string(keys_in({jwks})[0].at("kid").as_string());
    const auto secret = crypto::make_hs256_key(jwks).value();
    for (const std::string& named : {std::string("HS256"), std::string(name_of(alg))}) {
      const auto header = R"({"alg":")" + named + R"(","kid":")" + kid + R"("})";
      EXPECT_TRUE(refused(*signer, test::forge(*secret, header, crypto::write_claims(claims))));
    }
  }
}

TEST(key_ring, the_first_key_signs_and_all_verify_until_they_retire) {
  for (const auto alg : {jws_alg::eddsa, jws_alg::es256, jws_alg::hs256}) {
    const auto old_key = key_for(alg), new_key = key_for(alg);
    const auto before = ring(alg, {{.text = {old_key}}});
    const auto after =
        ring(alg, {{.text = {new_key}}, {.text = {old_key}, .retire_at = now + 100}});
    const auto old_token = before->sign(claims);
    EXPECT_TRUE(after->verify(old_token, now + 99)) << name_of(alg);
    EXPECT_TRUE(refused(*after, old_token, now + 100)) << name_of(alg);
    const auto new_token = after->sign(claims);
    EXPECT_TRUE(refused(*before, new_token)) << name_of(alg);
    EXPECT_TRUE(after->verify(new_token, now + 100)) << name_of(alg);
  }
}

TEST(key_ring, an_eddsa_token_of_an_earlier_version_is_still_accepted) {
  // jwt.encode({"sub": "user", "sid": "session", …}, key, "EdDSA", headers={"kid": kid}), where kid
  // is base64url(sha256(public key)[:12]) and the seed the bytes 0 to 31.
  const std::string token =
      "eyJhbGciOiJFZERTQSIsImtpZCI6IlZrZGFwMVJqUjB3Q2hkOWQiLCJ0eXAiOiJKV1QifQ."
      "eyJzdWIiOiJ1c2VyIiwic2lkIjoic2Vzc2lvbiIsImlhdCI6MTc5OTk5OTk5MCwiZXhwIjoxODAwMDAwODkwfQ."
      "S61WV0dD3h0cqyHlLU6G1Bytep1uao0GutpzCEIQxX56JeTMJCeSLc0lV2MVEHJ1iEhwiLRMtesCPXr4vtdqCQ";
  const auto signer =
      ring(jws_alg::eddsa, {{.text = {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}}});
  const auto read = signer->verify(token, now);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->sid, "session");
}

TEST(key_ring, the_factory_refuses_keys_of_another_algorithm_and_senseless_lists) {
  const auto refuses = [](token_signer_config config) {
    const auto made = make_token_signer(std::move(config));
    return !made && made.error().code == errc::invalid_argument;
  };
  const auto p256 = key_for(jws_alg::es256), rsa = key_for(jws_alg::rs256);
  EXPECT_TRUE(refuses({}));
  EXPECT_TRUE(refuses({.alg = jws_alg::es384, .keys = {{.text = {p256}}}}));
  EXPECT_TRUE(refuses({.alg = jws_alg::es256, .keys = {{.text = {rsa}}}}));
  EXPECT_TRUE(refuses({.alg = jws_alg::rs256, .keys = {{.text = {p256}}}}));
  EXPECT_TRUE(refuses({.alg = jws_alg::rs256, .keys = {{.text = {"no key"}}}}));
  EXPECT_TRUE(refuses({.alg = jws_alg::eddsa, .keys = {{.text = {p256}}}}));
  EXPECT_TRUE(refuses({.alg = jws_alg::es256, .keys = {{.text = {p256}, .retire_at = now}}}));
  EXPECT_TRUE(refuses({.alg = jws_alg::es256,
                       .keys = std::vector<signing_key>(limits::signing_keys + 1, {{p256}, 0})}));
}

// openssl genrsa 1024; openssl ecparam -name prime256v1 -genkey, then openssl pkcs8 -topk8 with the
// password x; the same with -name secp256k1, which has P-256's size, and no password.
const std::string small_rsa =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAL2hVXiagRLyzNKi\n"
    "YQuJPztPBg4QbHzULWv5BZiZq3wIks0U0X9AJUtFHrQj6Gv0n+4QQNMPEpYv9Rmh\n"
    "jMIqRgZv64uH1iEnyNiyVDS27/SZDW3Dlp0xUDhrTGNx++dVlWuAdLGcpjshrCcf\n"
    "T8CFrM2t1shcYE30b4dKERicetAdAgMBAAECgYBzbsAuuC6WMELKfZoBgbyCB+qx\n"
    "qQHBQw+bSG1FpVWkHTvvpxqYEZ4iIaM9GRakkLbCHha349b2oZ7byWF72Gvi9tTs\n"
    "GVL34inRnhku56pzQhBKmt+gLOypfU1Y8k/+Y9nTMFo8+iJhabhEcrjRrqV290EJ\n"
    "L8wkkMLsvYjkQPP8wQJBAOSZManm3PiiuymzOUlavjePD4dLQmNkKJMo3wS4TDNf\n"
    "diGNmStaXrhBtE99Qd8PB1XQwcMPg9v4T8GRaE7cm1UCQQDUXFsIgtL0jPs6mxJy\n"
    "Yw0addRGeGHseXopVYrsSgFyhk44LGC1Xz5FPSFpg6PVm2pynZe1K3Cs2xTg4Eqo\n"
    "qTGpAkBxjtho+lJTASPQt0OB+R39I4gnQW+dSCgP0oHXKmZQLt/UEy8/pgjfp2QX\n"
    "CLYsRJ70NlvKtm5eW5/jHISgiF5xAkBxiMbqr/bU5CLU3F9qZGZ3BRPucSH5aaDU\n"
    "RHW3ioFnl0JuadtyXG9QWTRp0wVeiG7KxFJ9e7IL2D07VO7VaU+xAkEAsKZmy3yH\n"
    "BwEsr2e+UJJMaVqmcWfr5V0Ka4kuBsrsu8tzY0ac8K7OWWt7j8WDhaZgqQC6lQtg\n"
    "KYGKyJvs4W75lQ==\n"
    "-----END PRIVATE KEY-----\n";

const std::string encrypted_p256 =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgT0890eQczdQICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEIrUjTfaxUBvTLCj8w+km48EgZDp\n"
    "7ufw1am/pUI3O2h7ZZlaxjZL6rX8HwsnV4cY2F4wA8vh5Jz4PwSmHF9h/XSHcOM7\n"
    "L6IJ6clWnTnqkBHjPBN51RjGgRMk7BV4VBJVcydFJh0iycOOgxkPnFaSG+c01+uY\n"
    "4N2K2fOJQI5p+aTkgBX8BIdWxfsfNE6/ZN2pyTWeu7PxqWbt2gFAIxRkHZE/fh0=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

const std::string secp256k1 =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQg7YqzdDkKnOiRXlF+9blv\n"
    "B/YGSRtX/8nUiodvOZu2FjahRANCAAQ1YLup63l7T5LehQnNtzUYyQdUqTgAdFzI\n"
    "BZQtj7ATaW7V1dkI8lbNrpXxu/KZo4Sapz+q0oL7Pj1Nqs+ElZSs\n"
    "-----END PRIVATE KEY-----\n";

TEST(key_ring, a_small_rsa_key_an_encrypted_key_and_another_curve_are_refused) {
  for (const auto& pem : {small_rsa, encrypted_p256, secp256k1})
    for (const auto alg : {jws_alg::rs256, jws_alg::es256})
      EXPECT_FALSE(crypto::make_pem_key(alg, pem)) << name_of(alg);
}

// the key set

TEST(key_ring, the_key_set_lets_another_program_check_the_tokens) {
  for (const auto alg : asymmetric) {
    const auto signer = ring(alg, {{.text = {key_for(alg)}}});
    auto with_issuer = claims;
    with_issuer.iss = "https://troupe.example";
    with_issuer.aud = "apps";
    const auto verifier = make_foreign_verifier(
        {.issuer = "https://troupe.example", .audiences = {"apps"}, .jwks = signer->jwks(now).raw});
    ASSERT_TRUE(verifier) << verifier.error().message;
    const auto read = (*verifier)->verify(signer->sign(with_issuer), now);
    ASSERT_TRUE(read) << name_of(alg) << ": " << read.error().message;
    EXPECT_EQ(read->sub, "user");
  }
}

TEST(key_ring, the_key_set_says_what_each_key_is_for_and_shows_no_private_part) {
  for (const auto alg : asymmetric) {
    const auto keys = keys_in(ring(alg, {{.text = {key_for(alg)}}})->jwks(now));
    ASSERT_EQ(keys.size(), 1u);
    const auto& jwk = keys[0].as_object();
    EXPECT_EQ(jwk.at("alg").as_string(), name_of(alg));
    EXPECT_EQ(jwk.at("use"), "sig");
    EXPECT_EQ(jwk.at("key_ops"), boost::json::array{"verify"});
    EXPECT_FALSE(jwk.at("kid").as_string().empty());
    for (const char* hidden : {"d", "p", "q", "dp", "dq", "qi", "k"})
      EXPECT_FALSE(jwk.contains(hidden)) << name_of(alg) << ' ' << hidden;
  }
}

TEST(key_ring, the_key_set_leaves_out_retired_keys_and_secrets) {
  const auto signer = ring(jws_alg::eddsa, {{.text = {key_for(jws_alg::eddsa)}},
                                            {.text = {key_for(jws_alg::eddsa)}, .retire_at = now}});
  EXPECT_EQ(keys_in(signer->jwks(now - 1)).size(), 2u);
  EXPECT_EQ(keys_in(signer->jwks(now)).size(), 1u);
  EXPECT_EQ(ring(jws_alg::hs256, {{.text = {std::string(32, 's')}}})->jwks(now).raw,
            R"({"keys":[]})");
}

TEST(key_ring, the_thumbprint_is_that_of_rfc_7638) {
  const crypto::jwk_members of_the_rfc{
      // section 3.1
      {"e", "AQAB"},
      {"kty", "RSA"},
      {"n",
       "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc"
       "_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGj"
       "QR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
       "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKg"
       "w"}};
  EXPECT_EQ(crypto::thumbprint(of_the_rfc), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

// claims

TEST(key_ring, a_token_names_its_session_twice_and_its_issuer_and_audience) {
  const auto signer = ring(jws_alg::eddsa, {{.text = {key_for(jws_alg::eddsa)}}});
  auto full = claims;
  full.iss = "https://troupe.example";
  full.aud = "authenticated";
  const auto token = signer->sign(full);
  const auto payload = payload_of(token);
  EXPECT_EQ(payload.at("sid"), "session");
  EXPECT_EQ(payload.at("session_id"), "session");
  EXPECT_EQ(payload.at("iss").as_string(), full.iss);
  EXPECT_EQ(payload.at("aud").as_string(), full.aud);
  const auto read = signer->verify(token, now);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->iss, full.iss);
  EXPECT_EQ(read->aud, full.aud);
  EXPECT_FALSE(payload_of(signer->sign(claims)).contains("iss"));
  EXPECT_FALSE(payload_of(signer->sign(claims)).contains("aud"));
}

TEST(key_ring, extra_members_join_the_payload_and_override_nothing) {
  const auto signer = ring(jws_alg::eddsa, {{.text = {key_for(jws_alg::eddsa)}}});
  auto extra = claims;
  extra.extra = {R"({"role":"authenticated","app_metadata":{"plan":"pro"},"sub":"admin","sid":"x",
      "session_id":"x","iat":1,"exp":9999999999,"nbf":9999999999,"iss":"x","aud":"x",
      "\u0073ub":"admin"})"};
  EXPECT_FALSE(payload_of(signer->sign(extra)).contains("role")) << "a name stands twice";
  extra.extra = {R"({"role":"authenticated","app_metadata":{"plan":"pro"},"\u0073ub":"admin",
      "sid":"x","session_id":"x","iat":1,"exp":9999999999,"nbf":9999999999,"iss":"x","aud":"x"})"};
  const auto payload = payload_of(signer->sign(extra));
  EXPECT_EQ(payload.at("role"), "authenticated");
  EXPECT_EQ(payload.at("app_metadata").at("plan"), "pro");
  EXPECT_EQ(payload.size(), 7u) << "the five fixed ones and the two above";
  EXPECT_EQ(payload.at("sub"), "user");
  EXPECT_EQ(payload.at("exp"), claims.exp);
  EXPECT_TRUE(signer->verify(signer->sign(extra), now));
}

TEST(key_ring, extra_text_that_is_no_object_or_too_large_is_left_out) {
  const auto signer = ring(jws_alg::eddsa, {{.text = {key_for(jws_alg::eddsa)}}});
  for (const std::string& text :
       {std::string("[]"), std::string("{"), std::string("null"), std::string("\"x\""),
        R"({"x":")" + std::string(limits::token_extra_bytes, 'x') + "\"}"}) {
    auto extra = claims;
    extra.extra = {text};
    EXPECT_EQ(payload_of(signer->sign(extra)).size(), 5u) << text.substr(0, 20);
  }
}

TEST(key_ring, a_token_with_the_largest_extra_passes_between_nodes) {
  const auto signer = ring(jws_alg::rs256, {{.text = {key_for(jws_alg::rs256)}}});
  auto largest = claims;
  largest.extra = {R"({"x":[0)"};
  while (largest.extra.raw.size() + 6 <= limits::token_extra_bytes)
    largest.extra.raw += ",1.5"; // written as 1.5E0
  largest.extra.raw += "]}";
  const auto token = signer->sign(largest);
  EXPECT_EQ(payload_of(token).size(), 6u);
  EXPECT_LT(token.size() + 512, limits::wire_header_bytes) << "beside the envelope's other fields";
  EXPECT_TRUE(signer->verify(token, now));
}

} // namespace
} // namespace troupe
