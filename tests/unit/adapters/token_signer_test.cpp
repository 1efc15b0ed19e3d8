// Goal: only tokens that this key signed, in exactly this form, at the right time, are accepted.
// Method: tokens made by the signer and tokens forged by hand, with the same key where the attack
// is about the form and not about the signature.
#include "adapters/crypto/crypto.hpp"

#include <gtest/gtest.h>
#include <sodium.h>
#include <random>

namespace troupe {
namespace {

constexpr std::int64_t now = 1'800'000'000;
const std::string secret_bytes = "0123456789abcdef0123456789abcdef";
const token_claims claims{.sub = "user", .sid = "session", .iat = now - 10, .exp = now + 890};

std::string b64(std::string_view bytes) {
  std::string text(
      sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.pop_back();
  return text;
}

/// HS256 over any header and payload, so that only the form is wrong.
std::string forge_hs256(std::string_view header, std::string_view payload) {
  const auto part = b64(header) + '.' + b64(payload);
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(secret_bytes.data()),
                              secret_bytes.size());
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(part.data()),
                                part.size());
  std::string code(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(code.data()));
  return part + '.' + b64(code);
}

const std::string good_payload = R"({"sub":"u","sid":"s","iat":1799999990,"exp":1800000890})";
const std::string good_header = R"({"alg":"HS256","typ":"JWT"})";

result<std::unique_ptr<token_signer>> signer_of(jws_alg alg, std::string key) {
  return make_token_signer({.alg = alg, .keys = {{.text = {std::move(key)}}}});
}
std::unique_ptr<token_signer> hs256() {
  return signer_of(jws_alg::hs256, secret_bytes).value();
}
std::unique_ptr<token_signer> eddsa() {
  return signer_of(jws_alg::eddsa, make_signing_key(jws_alg::eddsa)).value();
}

bool refused(const token_signer& signer, const std::string& token, std::int64_t at = now) {
  const auto verdict = signer.verify(token, at);
  return !verdict && verdict.error().code == errc::unauthenticated;
}

TEST(token_signer, a_signed_token_gives_its_claims_back_with_either_algorithm) {
  for (const auto& signer : {eddsa(), hs256()}) {
    const auto read = signer->verify(signer->sign(claims), now);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->sub, claims.sub);
    EXPECT_EQ(read->sid, claims.sid);
    EXPECT_EQ(read->iat, claims.iat);
    EXPECT_EQ(read->exp, claims.exp);
  }
}

TEST(token_signer, times_are_held_without_leeway) {
  for (const auto& signer : {eddsa(), hs256()}) {
    const auto token = signer->sign(claims);
    EXPECT_TRUE(signer->verify(token, claims.exp - 1));
    EXPECT_TRUE(refused(*signer, token, claims.exp)) << "expired";
    EXPECT_TRUE(signer->verify(token, claims.iat));
    EXPECT_TRUE(refused(*signer, token, claims.iat - 1)) << "not valid yet";
  }
}

TEST(token_signer, a_changed_byte_anywhere_is_refused) {
  for (const auto& signer : {eddsa(), hs256()}) {
    const auto token = signer->sign(claims);
    for (std::size_t at = 0; at < token.size(); ++at) {
      auto changed = token;
      changed[at] = changed[at] == 'A' ? 'B' : 'A';
      EXPECT_TRUE(refused(*signer, changed)) << at;
    }
  }
}

TEST(token_signer, a_truncated_token_is_refused_at_every_length) {
  for (const auto& signer : {eddsa(), hs256()}) {
    const auto token = signer->sign(claims);
    for (std::size_t size = 0; size < token.size(); ++size)
      EXPECT_TRUE(refused(*signer, token.substr(0, size))) << size;
  }
}

TEST(token_signer, the_algorithm_none_is_refused_in_every_spelling) {
  for (const auto& signer : {eddsa(), hs256()})
    for (const char* alg : {"none", "None", "NONE", "nOnE", ""}) {
      const auto part =
          b64(R"({"alg":")" + std::string(alg) + R"(","typ":"JWT"})") + '.' + b64(good_payload);
      EXPECT_TRUE(refused(*signer, part + '.'));
      EXPECT_TRUE(refused(*signer, part));
      EXPECT_TRUE(refused(*signer, part + ".AAAA"));
    }
  for (const char* alg : {"none", "None", "HS384", "hs256", "EdDSA"})
    EXPECT_TRUE(
        refused(*hs256(), forge_hs256(R"({"alg":")" + std::string(alg) + R"("})", good_payload)));
}

TEST(token_signer, a_token_of_the_other_algorithm_or_of_another_key_is_refused) {
  const auto one = eddsa(), two = eddsa();
  const auto shared = hs256();
  EXPECT_TRUE(refused(*one, two->sign(claims)));
  EXPECT_TRUE(refused(*one, shared->sign(claims)));
  EXPECT_TRUE(refused(*shared, one->sign(claims)));
  const auto other = signer_of(jws_alg::hs256, secret_bytes + "x").value();
  EXPECT_TRUE(refused(*shared, other->sign(claims)));
}

TEST(token_signer, a_header_of_another_program_with_the_same_secret_is_accepted) {
  for (const char* header : {R"({"typ":"JWT","alg":"HS256"})", R"({"alg":"HS256"})",
                             R"({"alg":"HS256","kid":"k1","typ":"JWT"})"})
    EXPECT_TRUE(hs256()->verify(forge_hs256(header, good_payload), now)) << header;
}

TEST(token_signer, a_session_is_read_under_either_of_its_names) {
  for (const char* payload :
       {R"({"sub":"u","sid":"s","iat":1,"exp":1900000000})",
        R"({"sub":"u","session_id":"s","iat":1,"exp":1900000000})",
        R"({"sub":"u","session_id":"s","sid":"s","iat":1,"exp":1900000000})"}) {
    const auto read = hs256()->verify(forge_hs256(good_header, payload), now);
    ASSERT_TRUE(read) << payload;
    EXPECT_EQ(read->sid, "s");
  }
}

TEST(token_signer, a_strange_header_is_refused_though_the_signature_holds) {
  ASSERT_TRUE(hs256()->verify(forge_hs256(good_header, good_payload), now));
  for (const char* header :
       {R"({"alg":"HS256","crit":["b64"],"b64":false})", R"({"alg":"HS256","typ":"JWE"})",
        R"({"alg":"HS256","typ":"logout+jwt"})", R"({"alg":"HS256","alg":"HS256"})",
        R"({"alg":"none","alg":"HS256"})", R"({"alg":"HS256","kid":1})", R"({"alg":["HS256"]})",
        R"({"typ":"JWT"})", R"("HS256")", "[]", "{", "null"})
    EXPECT_TRUE(refused(*hs256(), forge_hs256(header, good_payload))) << header;
}

TEST(token_signer, claims_of_a_wrong_type_or_missing_are_refused_though_the_signature_holds) {
  for (const char* payload :
       {R"({"sid":"s","iat":1,"exp":1900000000})",
        R"({"sub":"u","iat":1,"exp":1900000000})",
        R"({"sub":"u","sid":"s","exp":1900000000})",
        R"({"sub":"u","sid":"s","iat":1})",
        R"({"sub":1,"sid":"s","iat":1,"exp":1900000000})",
        R"({"sub":"","sid":"s","iat":1,"exp":1900000000})",
        R"({"sub":"u","sid":null,"iat":1,"exp":1900000000})",
        R"({"sub":"u","session_id":1,"iat":1,"exp":1900000000})",
        R"({"sub":"u","sid":"s","session_id":"t","iat":1,"exp":1900000000})",
        R"({"sub":"u","sid":"s","session_id":null,"iat":1,"exp":1900000000})",
        R"({"sub":"u","sid":"s","iat":1,"exp":1900000000,"iss":1})",
        R"({"sub":"u","sid":"s","iat":1,"exp":1900000000,"aud":[1]})",
        R"({"sub":"u","sid":"s","iat":1,"exp":1900000000,"sub":"admin"})",
        R"({"sub":"u","sid":"s","iat":1,"exp":1900000000,"x":[{"y":1,"\u0079":2}]})",
        R"({"sub":"u","sid":"s","iat":"1","exp":1900000000})",
        R"({"sub":"u","sid":"s","iat":1,"exp":"1900000000"})",
        R"({"sub":"u","sid":"s","iat":1,"exp":1.9e9})",
        R"({"sub":"u","sid":"s","iat":1,"exp":99999999999999999999})",
        R"({"sub":"u","sid":"s","iat":1,"exp":18446744073709551615})",
        R"({"sub":"u","sid":"s","iat":1,"exp":1900000000,"nbf":"x"})",
        R"({"sub":"u","sid":"s","iat":1,"exp":1900000000,"nbf":1800000001})",
        "[]",
        "\"u\"",
        "{"})
    EXPECT_TRUE(refused(*hs256(), forge_hs256(good_header, payload))) << payload;
}

TEST(token_signer, bad_utf8_and_deep_nesting_in_the_claims_are_refused) {
  EXPECT_TRUE(refused(*hs256(), forge_hs256(good_header,
                                            "{\"sub\":\"\xff\xfe\",\"sid\":\"s\","
                                            "\"iat\":1,\"exp\":1900000000}")));
  const auto deep = R"({"sub":"u","sid":"s","iat":1,"exp":1900000000,"x":)" +
                    std::string(1000, '[') + std::string(1000, ']') + "}";
  EXPECT_TRUE(refused(*hs256(), forge_hs256(good_header, deep)));
}

TEST(token_signer, only_canonical_base64url_is_read) {
  const auto signer = eddsa();
  const auto token = signer->sign(claims);
  ASSERT_TRUE(signer->verify(token, now));
  EXPECT_TRUE(refused(*signer, token + "=")) << "padded";
  EXPECT_TRUE(refused(*signer, token + "=="));
  EXPECT_TRUE(refused(*signer, token + "\n"));
  EXPECT_TRUE(refused(*signer, " " + token));
  EXPECT_TRUE(refused(*signer, token + "."));
  EXPECT_TRUE(refused(*signer, token + ".AAAA"));
  // 64 bytes leave four bits over in the last character: any but zero is another text of the same.
  ASSERT_TRUE(std::string("AQgw").contains(token.back()));
  auto loose = token;
  loose.back() = static_cast<char>(loose.back() + 1);
  EXPECT_TRUE(refused(*signer, loose)) << "leftover bits";
}

TEST(token_signer, a_huge_token_is_refused_before_it_is_read) {
  const auto signer = hs256();
  const auto payload = R"({"sub":"u","sid":"s","iat":1,"exp":1900000000,"x":")";
  EXPECT_TRUE(
      signer->verify(forge_hs256(good_header, payload + std::string(4000, 'x') + "\"}"), now));
  EXPECT_TRUE(refused(*signer, forge_hs256(good_header, payload + std::string(8000, 'x') + "\"}")));
  EXPECT_TRUE(refused(*signer, std::string(32u << 20, 'A')));
  EXPECT_TRUE(refused(*signer, std::string(8192, '.')));
}

TEST(token_signer, random_bytes_are_refused) {
  std::mt19937 random(20261121);
  const auto one = eddsa();
  const auto two = hs256();
  for (int n = 0; n < 2000; ++n) {
    std::string token(random() % 200, '\0');
    for (auto& c : token)
      c = static_cast<char>(random() % 16 ? "AZaz09-_.=\0\xff"[random() % 12] : '.');
    EXPECT_TRUE(refused(*one, token));
    EXPECT_TRUE(refused(*two, token));
  }
}

TEST(token_signer, a_signer_made_again_from_the_same_seed_accepts_earlier_tokens) {
  const auto seed = make_signing_key(jws_alg::eddsa);
  const auto token = signer_of(jws_alg::eddsa, seed).value()->sign(claims);
  EXPECT_TRUE(signer_of(jws_alg::eddsa, seed).value()->verify(token, now));
}

TEST(token_signer, short_secrets_and_damaged_seeds_are_refused_by_the_factory) {
  const auto weak = signer_of(jws_alg::hs256, std::string(31, 's'));
  ASSERT_FALSE(weak);
  EXPECT_EQ(weak.error().message, "an HS256 secret must have at least 32 bytes");
  for (const std::string seed : {"", "AAAA", "not base64!", "=="}) {
    const auto damaged = signer_of(jws_alg::eddsa, seed);
    ASSERT_FALSE(damaged);
    EXPECT_EQ(damaged.error().code, errc::invalid_argument);
  }
}

} // namespace
} // namespace troupe
