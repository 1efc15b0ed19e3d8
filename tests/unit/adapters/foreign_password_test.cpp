// Goal: the password hashes of other systems verify as those systems verify them, within bounds,
// and are told apart from our own.
// Method: hashes made by Django 5.2.19, Werkzeug 3.1.9, bcrypt 5.0.0 and argon2-cffi 25.1.0 from
// the password "correct horse" unless a comment says otherwise, with small costs where the library
// allows (encode(password, salt, iterations); generate_password_hash(password, "scrypt:1024:8:2");
// hashpw(password, gensalt(5))); and the same damaged by hand.
#include "adapters/crypto/crypto.hpp"
#include "adapters/crypto/stored_hash.hpp"
#include "messages/base/limits.hpp"
#include "tests/unit/adapters/waiting.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>

namespace troupe {
namespace {

struct sample {
  const char* made_by;
  std::string encoded;
  std::string_view format;
};

const sample samples[] = {
    {"Django pbkdf2",
     "pbkdf2_sha256$1000$saltsalt1234$vCowWi1dB0WkHn96blKCnL2OG83kjxRxvy4fTd6Hm28=", "pbkdf2"},
    {"Django pbkdf2 as it comes",
     "pbkdf2_sha256$1000000$0bTQKfT9FO8eBAyR0SuwlZ$XNRMBRIoRpY5t94EdglqtBtWV6fRanuJMOJhtUSASIU=",
     "pbkdf2"},
    {"Django pbkdf2 SHA-1", "pbkdf2_sha1$1000$saltsalt1234$mVNR3cZHHo3rmKkcv1Oelu5hGZM=", "pbkdf2"},
    {"Django scrypt",
     "scrypt$1024$saltsalt1234$8$2$An5Muv0g7kUBX/IS/"
     "jYhf8b2Ot5Wkf4IjCrPtLYFCNm70jkGzp0iYgdbBhpgXe1/aRdFNPu5brwK6jZsgfiUGA==",
     "scrypt"},
    {"Django scrypt as it comes",
     "scrypt$16384$hrLnGViOfxvB2PVPIiWLXn$8$5$UXniyYPdxYxk6caZc7s8sPWw1JwtvPb+"
     "kF36ZaG0Y7e4PWMXc9zssOhs27JVZFth7nuQ+jPOFaGrlmDUHO9TcQ==",
     "scrypt"},
    {"Django argon2",
     "argon2$argon2id$v=19$m=64,t=1,p=8$WkRUZnVHSzZQRGlFT3d4eG43U2VhWQ$"
     "gWTvovtdsog0zDFMZkEwpy/RclQk3VqRUVa8DBEe5qA",
     "argon2"},
    {"Django argon2 as it comes",
     "argon2$argon2id$v=19$m=102400,t=2,p=8$eXd3RFNrNVhOdGtnanhRc1dYeWpsNQ$"
     "8zHEzzjByyZD6XQhYilMUTLKzIrj7IFLK6ahIhJM/eU",
     "argon2"},
    {"Django bcrypt_sha256",
     "bcrypt_sha256$$2b$05$6p7d8Of0ZlR8yIE5epkA3uc5lfQILHNR92JWQMRMvD941gMOfX8w.", "bcrypt"},
    {"Django bcrypt", "bcrypt$$2b$05$ZVMIuvOMHUtT.5497f3wJuMYnc/efj1bi5W5PsJMSn.CvebdHw8/m",
     "bcrypt"},
    {"Werkzeug pbkdf2",
     "pbkdf2:sha256:1000$EFSbjSuaUuzvIn0b$"
     "463713d69c92295fd8bda219e7c029697af4bde3acf1724e21e8f2fc51bed027",
     "pbkdf2"},
    {"Werkzeug pbkdf2 SHA-1",
     "pbkdf2:sha1:1000$8WgspUpQd2k8Ez1t$c4a5b5d461d561e44f02edd6b7a148d2b94c356c", "pbkdf2"},
    {"Werkzeug pbkdf2 SHA-512",
     "pbkdf2:sha512:1000$tkPxAADWNzPjrhuB$"
     "ea3d1b4bbb5dad10f4058086ded0848630d9ce11686acfd0f1a77d3d450253ea"
     "257f655a4fef98241dd5e8b7c1e066eeb35369da594e7204fca6f1237c41c26c",
     "pbkdf2"},
    {"Werkzeug scrypt",
     "scrypt:1024:8:2$SlAMZeqpNQ3kXs4e$"
     "152d14f771899b799895691caa6fb266561cdb9282dfd18058567e92a6c64f23"
     "166869bd70bdc1a38b4415108653d6a3714399e1eb3d993ca7231e942de59a3c",
     "scrypt"},
    {"Werkzeug scrypt as it comes",
     "scrypt:32768:8:1$XCsIHf6rqJIFYbn5$"
     "32b38f1b58b8cd0793283ee98e1837787994c700bff9fc87bf3bd3ed8e6886bd"
     "06bf23a4de1704249d7d0ab0b71ea3597c65ace11f794039dce60059854c9c91",
     "scrypt"},
    {"bcrypt 2a", "$2a$05$1bFebOa9ONUiumuE3togqe8zXndooV/sI/UrWcRvZhCATkVQFmUUi", "bcrypt"},
    {"bcrypt 2b", "$2b$05$kJDdgyAeV7affN5RAjhCFeGPJmASVzVkTGMRb8CwewMWP0laTx3VW", "bcrypt"},
    {"bcrypt 2b named 2y, as PHP names the same",
     "$2y$05$3vn07YKWHGkbQ/aCG33r/.Lgk9d2GoKGLs/YkThFeAbe5if9Nwake", "bcrypt"},
    {"argon2-cffi",
     "$argon2id$v=19$m=65536,t=3,p=4$p85xzd4y8vXPFohpVKtqWg$"
     "zuz2oZkOGVYlu8CCjbBqsHvAb/EtuIBT3g8Pzae++wk",
     "argon2"},
    {"argon2-cffi, a short salt and key",
     "$argon2id$v=19$m=64,t=1,p=1$HLNxdN1IqU4$AA53uFzSJN18BgiPoodGTQ", "argon2"},
    {"argon2-cffi, argon2i",
     "$argon2i$v=19$m=64,t=3,p=1$+YL01K/XhF8SHILBmyeONQ$"
     "O0I8neAMCFmrENYvk63ZpJdZvltzWkz9+nWOh4B9MYw",
     "argon2"},
};

/// argon2-cffi with the parameters of ours.
const std::string present =
    "$argon2id$v=19$m=19456,t=2,p=1$RnNx7hNYyKv90nXLMVuV+w$"
    "ASeGgYd8yjeJHAMmsOrnUQ5+quB5Ukt30zQIwI3M7tc";

result<password_verdict> verify(std::string password, std::string encoded) {
  const auto hasher = make_password_hasher();
  return test::wait_for<password_verdict>([&](reply<password_verdict> answer) {
    hasher->verify({std::move(password)}, std::move(encoded), std::move(answer));
  });
}

bool is_right(const std::string& password, const std::string& encoded) {
  const auto found = verify(password, encoded);
  EXPECT_TRUE(found) << encoded;
  return found && found->right;
}

TEST(foreign_password, the_right_password_of_each_format_is_right_and_outdated) {
  for (const auto& each : samples)
    EXPECT_EQ(verify("correct horse", each.encoded),
              (result<password_verdict>({.right = true, .outdated = true})))
        << each.made_by;
}

TEST(foreign_password, a_wrong_password_of_each_format_is_neither) {
  for (const auto& each : samples)
    EXPECT_EQ(verify("correct hors", each.encoded),
              (result<password_verdict>({.right = false, .outdated = false})))
        << each.made_by;
}

TEST(foreign_password, a_hash_with_our_own_parameters_is_not_outdated_whoever_made_it) {
  EXPECT_EQ(verify("correct horse", present),
            (result<password_verdict>({.right = true, .outdated = false})));
}

TEST(foreign_password, the_format_of_each_is_named) {
  for (const auto& each : samples) EXPECT_EQ(hash_format(each.encoded), each.format);
  EXPECT_TRUE(make_password_hasher()->knows(present));
  EXPECT_FALSE(make_password_hasher()->knows("correct horse"));
}

TEST(foreign_password, bcrypt_takes_the_first_72_bytes) {
  // hashpw(b"x" * 72, …); bcrypt before 5.0 gave the same for longer passwords.
  const std::string encoded = "$2b$05$QeUj8mEercmwRL9hUlv2gOggKLtudTykcea4SmV.OJtxLfmsLn8hK";
  EXPECT_TRUE(is_right(std::string(72, 'x'), encoded));
  EXPECT_TRUE(is_right(std::string(73, 'x'), encoded));
  EXPECT_TRUE(is_right(std::string(limits::password_bytes_max, 'x'), encoded));
  EXPECT_FALSE(is_right(std::string(71, 'x'), encoded));
}

TEST(foreign_password, bcrypt_of_sha256_takes_a_long_password_whole) {
  // Django's BCryptSHA256PasswordHasher().encode("x" * 100 + "y", …)
  const std::string encoded =
      "bcrypt_sha256$$2b$05$/4G0bxaN5MggDQs6zeXH7eONiIe9IhLfSmhJCDZkOvmFjo8G2A652";
  EXPECT_TRUE(is_right(std::string(100, 'x') + "y", encoded));
  EXPECT_FALSE(is_right(std::string(100, 'x') + "z", encoded));
  EXPECT_FALSE(is_right(std::string(100, 'x'), encoded));
}

TEST(foreign_password, bcrypt_does_not_match_by_what_stands_before_a_nul) {
  const std::string left = "$2b$05$f78Yc2gWVz65KdWlsQHZruiDn4wCoZeeCPrmrkoOA1YZZ5IXaClNi";
  EXPECT_TRUE(is_right("left", left));
  EXPECT_FALSE(is_right(std::string("left\0right", 10), left));
  EXPECT_FALSE(is_right(std::string("left\0", 5), left));
}

TEST(foreign_password, bcrypt_reads_utf8) {
  EXPECT_TRUE(is_right("pässwörd€", // hashpw("pässwörd€".encode(), gensalt(5, b"2a"))
                       "$2a$05$OaG7f2rIS4a3/yqJdCPHdO8PlyY/ILClK/pV6JzP1sPdNmD4/Y2/G"));
}

TEST(foreign_password, a_hash_without_one_of_its_characters_is_unknown_or_matches_nothing) {
  for (const auto& each : samples) {
    if (each.encoded.contains("1000000") || each.encoded.contains("102400")) continue; // slow
    for (std::size_t at = 0; at < each.encoded.size(); at += 5) {
      auto damaged = each.encoded;
      damaged.erase(at, 1);
      const auto known = crypto::read_hash(damaged);
      EXPECT_FALSE(known && crypto::matches("correct horse", *known).value()) << damaged;
    }
  }
}

TEST(foreign_password, an_empty_or_shortened_key_is_unknown_because_it_would_match_too_easily) {
  for (const char* encoded :
       {"pbkdf2_sha256$1000$salt$", "pbkdf2:sha256:1000$salt$", "scrypt:1024:8:1$salt$",
        "scrypt$1024$salt$8$1$", "pbkdf2_sha256$1000$salt$AA==", "pbkdf2:sha256:1000$salt$00",
        "scrypt:1024:8:1$salt$00", "$argon2id$v=19$m=64,t=1,p=1$HLNxdN1IqU4$",
        "$argon2id$v=19$m=64,t=1,p=1$HLNxdN1IqU4$AA", "$2b$05$", "bcrypt$"})
    EXPECT_EQ(hash_format(encoded), "") << encoded;
}

TEST(foreign_password, texts_of_no_known_format_are_unknown) {
  const std::string hex = "463713d69c92295fd8bda219e7c029697af4bde3acf1724e21e8f2fc51bed027";
  const std::string bcrypt_rest = "$kJDdgyAeV7affN5RAjhCFeGPJmASVzVkTGMRb8CwewMWP0laTx3VW";
  for (const std::string& encoded :
       {std::string(),
        std::string("correct horse"),
        "sha256$salt$" + hex,
        "pbkdf2:md5:1000$s$" + hex,
        "pbkdf2:sha256$salt$" + hex,
        "pbkdf2:sha256:+1000$salt$" + hex,
        "pbkdf2:sha256:01000$salt$" + hex,
        "pbkdf2:sha256: 1000$salt$" + hex,
        "pbkdf2:sha256:1000$$" + hex,
        "pbkdf2:sha256:0$salt$" + hex,
        "pbkdf2:sha256:1000$salt$more$" + hex,
        "pbkdf2:sha256:1000$salt$" + hex + "0",
        "pbkdf2:sha256:1000$salt$" + hex.substr(1) + "g",
        "scrypt:1000:8:1$salt$" + hex + hex,
        "scrypt:1:8:1$salt$" + hex + hex,
        "scrypt:1024:8$salt$" + hex + hex,
        std::string("$argon2d$v=19$m=64,t=3,p=1$6E+qBXFBUdY/SrXaFsqqAw$"
                    "TCL599gzcHGSihaBHeXWwiC9qlNf4D8AZGWK0BajbkU"),
        std::string("$argon2id$m=64,t=1,p=1$HLNxdN1IqU4$AA53uFzSJN18BgiPoodGTQ"),
        std::string("$argon2id$v=16$m=64,t=1,p=1$HLNxdN1IqU4$AA53uFzSJN18BgiPoodGTQ"),
        std::string("argon2$argon2$argon2id$v=19$m=64,t=1,p=1$HLNxdN1IqU4$AA53uFzSJN18BgiPoodGTQ"),
        "$2x$05" + bcrypt_rest,
        "$2b$5" + bcrypt_rest,
        "$2b$03" + bcrypt_rest,
        "$2b$05" + bcrypt_rest + "x",
        "bcrypt_sha256$2b$05" + bcrypt_rest,
        std::string("!"),
        "$1$salt$" + hex,
        std::string(100'000, '$')})
    EXPECT_EQ(hash_format(encoded), "") << encoded.substr(0, 100);
}

TEST(foreign_password, a_hash_that_costs_more_than_the_bounds_is_unknown) {
  const std::string hex = "463713d69c92295fd8bda219e7c029697af4bde3acf1724e21e8f2fc51bed027";
  const std::string argon2_rest = "$HLNxdN1IqU4$AA53uFzSJN18BgiPoodGTQ";
  const std::string bcrypt_rest = "$kJDdgyAeV7affN5RAjhCFeGPJmASVzVkTGMRb8CwewMWP0laTx3VW";
  const std::pair<std::string, std::string> last_and_first_refused[] = {
      {"$2b$15" + bcrypt_rest, "$2b$16" + bcrypt_rest},
      {"pbkdf2:sha256:5000000$salt$" + hex, "pbkdf2:sha256:5000001$salt$" + hex},
      {"pbkdf2:sha256:5000000$salt$" + hex, "pbkdf2:sha256:99999999999999999999$salt$" + hex},
      {"scrypt:131072:8:1$salt$" + hex + hex, "scrypt:262144:8:1$salt$" + hex + hex},
      {"scrypt:32768:8:16$salt$" + hex + hex, "scrypt:32768:8:17$salt$" + hex + hex},
      {"scrypt:65536:8:15$salt$" + hex + hex, "scrypt:65536:8:16$salt$" + hex + hex},
      {"scrypt:2:8:1$salt$" + hex + hex, "scrypt:2:4294967295:16$salt$" + hex + hex},
      {"$argon2id$v=19$m=262144,t=4,p=1" + argon2_rest,
       "$argon2id$v=19$m=262144,t=5,p=1" + argon2_rest},
      {"$argon2id$v=19$m=262144,t=4,p=1" + argon2_rest,
       "$argon2id$v=19$m=262145,t=1,p=1" + argon2_rest},
      {"$argon2id$v=19$m=128,t=1,p=16" + argon2_rest,
       "$argon2id$v=19$m=136,t=1,p=17" + argon2_rest},
      {"$argon2id$v=19$m=8,t=1,p=1" + argon2_rest,
       "$argon2id$v=19$m=8,t=4294967295,p=1" + argon2_rest},
      {"$argon2id$v=19$m=8,t=1,p=1" + argon2_rest, "$argon2id$v=19$m=7,t=1,p=1" + argon2_rest},
  };
  for (const auto& [last, refused] : last_and_first_refused) {
    EXPECT_NE(hash_format(last), "") << last;
    EXPECT_EQ(hash_format(refused), "") << refused;
  }
}

TEST(foreign_password, checking_leaves_no_error_of_openssl_on_the_thread) {
  ERR_clear_error();
  const auto hash = crypto::read_hash(samples[3].encoded);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(crypto::matches("correct horse", *hash).value());
  EXPECT_EQ(ERR_peek_error(), 0u);
}

} // namespace
} // namespace troupe
