// Goal: random tokens are long enough and differ; digests are SHA-256.
// Method: the examples of FIPS 180-4, and counting what comes out.
#include "adapters/crypto/crypto.hpp"

#include <gtest/gtest.h>
#include <set>

namespace troupe {
namespace {

TEST(digests, sha256_matches_the_published_examples) {
  const auto hash = make_digests();
  EXPECT_EQ(hash->sha256_hex(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash->sha256_hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(digests, sha256_in_base64url_is_what_pkce_wants) { // RFC 7636, appendix B
  EXPECT_EQ(make_digests()->sha256_base64url("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST(digests, a_random_token_has_the_asked_bytes_in_base64url_without_padding) {
  const auto random = make_digests();
  const auto token = random->random_token(32);
  EXPECT_EQ(token.size(), 43u);
  EXPECT_EQ(
      token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
      std::string::npos);
  EXPECT_EQ(random->random_token(0), "");
}

TEST(digests, random_tokens_do_not_repeat) {
  const auto random = make_digests();
  std::set<std::string> seen;
  for (int n = 0; n < 1000; ++n) seen.insert(random->random_token(16));
  EXPECT_EQ(seen.size(), 1000u);
}

} // namespace
} // namespace troupe
