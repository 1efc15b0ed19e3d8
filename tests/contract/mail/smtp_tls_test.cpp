// Goal: who may read a mail and its password on the way, and which settings a mailer starts with.
// Method: the real server with and without a certificate and a login; check_smtp_config() on wrong
// settings, sentence by sentence.
#include "tests/contract/mail/smtp_sink.hpp"
#include "tests/support/test_certificate.hpp"

namespace troupe::test {
namespace {

const certificate_files& own_certificate() {
  static const certificate_files made;
  return made;
}

std::vector<std::string> tls_flags(std::vector<std::string> more = {}) {
  more.insert(more.end(),
              {"--cert", own_certificate().certificate(), "--key", own_certificate().key()});
  return more;
}

result<done> send_with(smtp_config config) {
  return post(*mailer_for(std::move(config)), letter_to("ada@example.com")).get();
}

TEST(smtp_tls, starttls_and_smtps_carry_mail_and_login_when_the_certificate_is_trusted) {
  for (const bool smtps : {false, true}) {
    auto flags = tls_flags({"--auth", "us er:p@ss/wörd"});
    if (smtps) flags.emplace_back("--smtps");
    smtp_sink sink(flags);
    TROUPE_NEEDS(sink);
    auto config = config_for(sink.url(smtps ? "smtps" : "smtp", "us%20er:p%40ss%2Fw%C3%B6rd"));
    config.tls = starttls::required;
    config.ca_file = own_certificate().certificate();
    const auto sent = send_with(config);
    ASSERT_TRUE(sent.has_value()) << sent.error().message;
    const auto got = sink.next();
    EXPECT_TRUE(got.at("tls").as_bool() || smtps); // aiosmtpd tells of STARTTLS only
    EXPECT_EQ(got.at("login").as_string(), "us er");
  }
}

TEST(smtp_tls, a_certificate_that_is_not_trusted_is_refused_at_once) {
  for (const bool smtps : {false, true}) {
    auto flags = tls_flags();
    if (smtps) flags.emplace_back("--smtps");
    smtp_sink sink(flags);
    TROUPE_NEEDS(sink);
    auto config = config_for(sink.url(smtps ? "smtps" : "smtp"));
    config.tls = starttls::required;
    config.retry_wait = 60s; // a retry would not end within the test
    const auto sent = send_with(config);
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(sent.error().message, "the mail server has no certificate that is trusted here");
  }
}

TEST(smtp_tls, required_sends_nothing_to_a_server_without_tls_and_optional_does) {
  smtp_sink sink;
  TROUPE_NEEDS(sink);
  auto config = config_for(sink.url());
  config.tls = starttls::required;
  const auto refused = send_with(config);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "the mail server does not speak TLS as it must");
  config.tls = starttls::optional;
  EXPECT_TRUE(send_with(config).has_value());
}

TEST(smtp_tls, optional_takes_tls_where_it_is_offered) {
  smtp_sink sink(tls_flags());
  TROUPE_NEEDS(sink);
  auto config = config_for(sink.url());
  config.tls = starttls::optional;
  config.ca_file = own_certificate().certificate();
  ASSERT_TRUE(send_with(config).has_value());
  EXPECT_TRUE(sink.next().at("tls").as_bool());
}

TEST(smtp_tls, a_wrong_password_is_told_at_once) {
  smtp_sink sink({"--auth", "user:right"});
  TROUPE_NEEDS(sink);
  auto config = config_for(sink.url("smtp", "user:wrong"));
  config.retry_wait = 60s; // a retry would not end within the test
  const auto sent = send_with(config);
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, errc::upstream_failed);
  EXPECT_EQ(sent.error().message, "the mail server does not take the user and the password");
}

TEST(smtp_config, settings_that_cannot_work_are_named_without_the_password) {
  struct row {
    const char* url;
    const char* from;
    starttls tls;
    const char* param;
  };
  const auto good = "Troupe <a@b.c>";
  for (const auto& [url, from, tls, param] : {
           row{"", good, starttls::required, "url"},
           row{"http://mail.example", good, starttls::required, "url"},
           row{"mail.example:587", good, starttls::required, "url"},
           row{"smtp://", good, starttls::required, "url"},
           row{"smtp://u:hunter2@", good, starttls::required, "url"},
           row{"smtp://u:hunter2@mail.example:port", good, starttls::required, "url"},
           row{"smtp://u:hunter2?@mail.example", good, starttls::required, "url"},
           row{"smtp://u:hunter2%0d%0aX@mail.example", good, starttls::required, "url"},
           row{"smtp://u%00:hunter2@mail.example", good, starttls::required, "url"},
           row{"smtp://u@mail.example", good, starttls::required, "url"},
           row{"smtp://:hunter2@mail.example", good, starttls::required, "url"},
           row{"smtp://u:hunter2@mail.example", good, starttls::optional, "tls"},
           row{"smtp://u:hunter2@mail.example", good, starttls::none, "tls"},
           row{"smtp://mail.example", "", starttls::required, "from"},
           row{"smtp://mail.example", "Troupe", starttls::required, "from"},
           row{"smtp://mail.example", "Troupe <a@b.c", starttls::required, "from"},
           row{"smtp://mail.example", "Tro\nupe <a@b.c>", starttls::required, "from"},
           row{"smtp://mail.example", "<a b@b.c>", starttls::required, "from"},
       }) {
    smtp_config config;
    config.url.value = url;
    config.from = from;
    config.tls = tls;
    const auto checked = check_smtp_config(config);
    ASSERT_FALSE(checked.has_value()) << url << ' ' << from;
    EXPECT_EQ(checked.error().code, errc::invalid_argument);
    EXPECT_EQ(checked.error().param, param) << url << ' ' << from;
    EXPECT_EQ(checked.error().message.find("hunter2"), std::string::npos);
    EXPECT_FALSE(make_smtp_mailer(config).has_value());
  }
}

TEST(smtp_config, what_providers_hand_out_is_taken) {
  for (const char* url :
       {"smtp://mail.example", "smtps://mail.example", "smtp://u:p@mail.example:587",
        "smtp://u%40b.c:p%2F%3F%23@mail.example:587/client.example", "smtps://u:p@[::1]:465"}) {
    smtp_config config;
    config.url.value = url;
    config.from = "a@b.c";
    EXPECT_TRUE(check_smtp_config(config).has_value()) << url;
  }
}

} // namespace
} // namespace troupe::test
