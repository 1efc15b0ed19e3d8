// Goal: what every mailer promises (mailer.hpp, mail_rules.hpp), with and without a server. Method:
// the same tests over the memory adapter and over SMTP to a real server.
#include "adapters/memory/memory_mailer.hpp"
#include "messages/base/limits.hpp"
#include "tests/contract/mail/smtp_sink.hpp"

#include <functional>

namespace troupe::test {
namespace {

struct kind {
  const char* name;
  bool over_smtp;
};

class mailer_contract : public testing::TestWithParam<kind> {
protected:
  void SetUp() override {
    if (!GetParam().over_smtp) {
      mailer_ = make_memory_mailer();
      return;
    }
    sink_ = std::make_unique<smtp_sink>();
    TROUPE_NEEDS(*sink_);
    mailer_ = mailer_for(config_for(sink_->url()));
  }

  result<done> send(mail letter) { return post(*mailer_, std::move(letter)).get(); }
  /// As send(); reads what arrived, for the server waits until it is read.
  result<done> send_large(mail letter) {
    auto sent = post(*mailer_, std::move(letter));
    if (sink_) static_cast<void>(sink_->next());
    return sent.get();
  }

  std::unique_ptr<smtp_sink> sink_;
  std::unique_ptr<mailer> mailer_;
};

TEST_P(mailer_contract, a_mail_within_the_rules_is_taken) {
  for (const char* to : {"ada@example.com", "a.b+c_d@mail.example.co.uk", "x@localhost",
                         "o'hara@example.com", "a..b@example.com"})
    EXPECT_TRUE(send(letter_to(to)).has_value()) << to;
  EXPECT_TRUE(send({"ada@example.com", "", "", ""}).has_value());
}

TEST_P(mailer_contract, an_address_that_could_be_more_than_an_address_is_refused) {
  for (const std::string to : {"",
                               "ada",
                               "@example.com",
                               "ada@",
                               "a@b@c",
                               "ada@example.com\r\nRCPT TO:<eve@x.y>",
                               "ada@example.com\nBcc: eve@x.y",
                               "ada@example.com>",
                               "<ada@example.com>",
                               "ada@example.com,eve@x.y",
                               "ada eve@example.com",
                               "ada@exa mple.com",
                               "\"a\"@example.com",
                               "ada@[127.0.0.1]",
                               "ada@-x.example",
                               "ada@x..y",
                               "ada@x.",
                               "ad\xC3\xA9@example.com",
                               "ada@ex\xC3\xA4mple.com",
                               "ada@example.com\t"}) {
    const auto got = send(letter_to(to));
    ASSERT_FALSE(got.has_value()) << to;
    EXPECT_EQ(got.error().code, errc::invalid_argument) << to;
    EXPECT_EQ(got.error().param, "to") << to;
  }
  const auto nul = send(letter_to(std::string("ada@x.y\0z", 9)));
  EXPECT_FALSE(nul.has_value());
}

TEST_P(mailer_contract, a_subject_of_several_lines_is_refused) {
  for (const std::string subject : {"a\r\nBcc: eve@x.y", "a\nb", "a\rb", "a\x01"}) {
    auto letter = letter_to("ada@example.com");
    letter.subject = subject;
    const auto got = send(letter);
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().param, "subject");
  }
}

TEST_P(mailer_contract, a_field_past_its_bound_is_refused_and_one_at_it_is_not) {
  const auto with = [](std::size_t subject, std::size_t text, std::size_t html) {
    return mail{"ada@example.com", std::string(subject, 's'), std::string(text, 't'),
                std::string(html, 'h')};
  };
  constexpr auto subject = limits::mail_subject_bytes, body = limits::mail_body_bytes;
  EXPECT_TRUE(send_large(with(subject, body, body)).has_value());
  EXPECT_EQ(send(with(subject + 1, 1, 1)).error().param, "subject");
  EXPECT_EQ(send(with(1, body + 1, 1)).error().param, "text");
  EXPECT_EQ(send(with(1, 1, body + 1)).error().param, "html");
}

INSTANTIATE_TEST_SUITE_P(adapters, mailer_contract,
                         testing::Values(kind{"memory", false}, kind{"smtp", true}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(memory_mailer, it_keeps_the_last_mails_in_their_order) {
  const auto made = make_memory_mailer();
  for (std::size_t i = 0; i < limits::mails_remembered + 5; ++i)
    EXPECT_TRUE(post(*made, {"ada@example.com", std::to_string(i), "t", "h"}).get().has_value());
  const auto sent = made->sent();
  ASSERT_EQ(sent.size(), limits::mails_remembered);
  EXPECT_EQ(sent.front(), (mail{"ada@example.com", "5", "t", "h"}));
  EXPECT_EQ(sent.back().subject, std::to_string(limits::mails_remembered + 4));
}

} // namespace
} // namespace troupe::test
