// Goal: the URLs that deployments have are understood, and wrong ones get an error that says what
// is wrong and keeps the password. Method: texts and what they name.
#include "adapters/sql/server_url.hpp"

#include <gtest/gtest.h>

namespace troupe::sql {
namespace {

TEST(server_url, names_a_server_with_everything) {
  const auto out =
      parse_server_url("mysql://ada:p%27w%40@db.example.org:3307/troupe?ssl-ca=%2Fca.pem");
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->what, sql_server::kind::mysql);
  EXPECT_EQ(out->host, "db.example.org");
  EXPECT_EQ(out->port, 3307);
  EXPECT_EQ(out->user, "ada");
  EXPECT_EQ(out->password, "p'w@");
  EXPECT_EQ(out->database, "troupe");
  EXPECT_EQ(out->ca_file, "/ca.pem");
  EXPECT_TRUE(out->require_tls);
  EXPECT_EQ(shown(*out), "mysql://db.example.org:3307/troupe");
}

TEST(server_url, takes_the_schemes_that_other_libraries_write) {
  for (const char* scheme : {"mysql", "mariadb", "mysql+pymysql", "mysql+aiomysql"}) {
    const auto out = parse_server_url(std::string(scheme) + "://u@h/d");
    ASSERT_TRUE(out) << scheme;
    EXPECT_EQ(out->what, sql_server::kind::mysql);
    EXPECT_EQ(out->port, 3306);
  }
  for (const char* scheme : {"postgresql", "postgres", "postgresql+asyncpg"}) {
    const auto out = parse_server_url(std::string(scheme) + "://u@h/d?sslmode=require");
    ASSERT_TRUE(out) << scheme;
    EXPECT_EQ(out->what, sql_server::kind::postgresql);
    EXPECT_EQ(out->port, 5432);
    EXPECT_TRUE(out->require_tls);
  }
}

TEST(server_url, takes_an_ipv6_address) {
  const auto out = parse_server_url("postgresql://u:p@[::1]:5433/d");
  ASSERT_TRUE(out);
  EXPECT_EQ(out->host, "::1");
  EXPECT_EQ(shown(*out), "postgresql://[::1]:5433/d");
}

TEST(server_url, says_what_is_wrong_and_never_the_password) {
  const std::pair<const char*, const char*> wrong[] = {
      {"host/database", "no URL"},
      {"oracle://u:pw-secret@h/d", "scheme"},
      {"mysql://u:pw-secret@/d", "host"},
      {"mysql://h/d", "user"},
      {"mysql://u:pw-secret@h", "database"},
      {"mysql://u:pw-secret@h/", "database"},
      {"mysql://u:pw-secret@h/a/b", "database"},
      {"mysql://u:pw-secret@h:99999/d", "port"},
      {"mysql://u:pw-secret@h/d?compression=1", "compression"},
  };
  for (const auto& [url, word] : wrong) {
    const auto out = parse_server_url(url);
    ASSERT_FALSE(out) << url;
    EXPECT_EQ(out.error().param, "database.url");
    EXPECT_NE(out.error().message.find(word), std::string::npos) << out.error().message;
    EXPECT_EQ(out.error().message.find("pw-secret"), std::string::npos) << out.error().message;
  }
}

TEST(server_url, quotes_what_a_connection_string_would_take_apart) {
  std::string out;
  append_parameter(out, "password", "a'b\\c d");
  EXPECT_EQ(out, " password='a\\'b\\\\c d'");
}

} // namespace
} // namespace troupe::sql
