// Goal: mails over SMTP arrive as they were written, are tried again when that may help, and hold
// nobody up. Method: aiosmtpd in a process of its own takes them, Python's email package reads
// them, and the recipient's name makes the server fail as each test wants it.
#include "tests/contract/mail/smtp_sink.hpp"

#include <algorithm>
#include <set>

namespace troupe::test {
namespace {

namespace json = boost::json;
using steady = std::chrono::steady_clock;

std::string header(const json::object& mail, const char* name) {
  const auto* found = mail.at("headers").as_object().if_contains(name);
  return found ? std::string(found->as_string()) : "(none)";
}

std::string part(const json::object& mail, std::size_t index, const char* what) {
  return std::string(mail.at("parts").at(index).at(what).as_string());
}

TEST(smtp_mailer, a_mail_arrives_as_it_was_written) {
  smtp_sink sink;
  TROUPE_NEEDS(sink);
  auto config = config_for(sink.url());
  config.from = "Träume & \"Co\" <troupe@sender.example>";
  const mail letter{"ada@example.com",
                    "Grüße, 你好 🎭 und ein Betreff, der über mehrere Zeilen geht",
                    "One\n.\n..two\r\n.three\n" + std::string(300, 'x') + " \nfür = 3D\n",
                    "<p class=\"a\">für &amp; 🎭</p>\n.\n"};
  ASSERT_TRUE(post(*mailer_for(config), letter).get().has_value());
  const auto got = sink.next();
  EXPECT_EQ(got.at("envelope_from").as_string(), "troupe@sender.example");
  EXPECT_EQ(got.at("envelope_to").as_array(), json::array{"ada@example.com"});
  EXPECT_EQ(got.at("defects").as_array(), json::array());
  EXPECT_EQ(header(got, "Subject"), letter.subject);
  EXPECT_EQ(header(got, "From"), "\"Träume & \\\"Co\\\"\" <troupe@sender.example>");
  EXPECT_EQ(header(got, "To"), "ada@example.com");
  EXPECT_EQ(header(got, "MIME-Version"), "1.0");
  EXPECT_EQ(header(got, "Auto-Submitted"), "auto-generated");
  EXPECT_TRUE(header(got, "Message-ID").ends_with("@sender.example>"));
  EXPECT_TRUE(header(got, "Date").ends_with(" +0000")) << header(got, "Date");
  EXPECT_EQ(got.at("header_count").as_int64(), 8);
  EXPECT_EQ(got.at("type").as_string(), "multipart/alternative");
  ASSERT_EQ(got.at("parts").as_array().size(), 2u);
  EXPECT_EQ(part(got, 0, "type"), "text/plain");
  EXPECT_EQ(part(got, 0, "charset"), "utf-8");
  EXPECT_EQ(part(got, 0, "text"),
            "One\r\n.\r\n..two\r\n.three\r\n" + std::string(300, 'x') + " \r\nfür = 3D\r\n");
  EXPECT_EQ(part(got, 1, "type"), "text/html");
  EXPECT_EQ(part(got, 1, "text"), "<p class=\"a\">für &amp; 🎭</p>\r\n.\r\n");
  EXPECT_TRUE(got.at("ascii").as_bool());
  EXPECT_EQ(got.at("bare_line_ends").as_int64(), 0);
  EXPECT_LE(got.at("longest_line").as_int64(), 100); // curl does not fold the MIME boundary
}

TEST(smtp_mailer, a_subject_that_looks_encoded_and_a_mail_without_html_arrive_so) {
  smtp_sink sink;
  TROUPE_NEEDS(sink);
  const auto by = mailer_for(config_for(sink.url()));
  ASSERT_TRUE(post(*by, {"ada@example.com", "=?UTF-8?Q?x?=", "text", ""}).get().has_value());
  const auto got = sink.next();
  EXPECT_EQ(header(got, "Subject"), "=?UTF-8?Q?x?=");
  EXPECT_EQ(header(got, "From"), "Troupe <troupe@sender.example>");
  ASSERT_EQ(got.at("parts").as_array().size(), 1u);
  EXPECT_EQ(part(got, 0, "text"), "text");
}

TEST(smtp_mailer, mails_go_over_one_connection_each_with_an_id_of_its_own) {
  smtp_sink sink;
  TROUPE_NEEDS(sink);
  const auto by = mailer_for(config_for(sink.url()));
  std::vector<std::future<result<done>>> sent;
  for (int i = 0; i < 20; ++i) sent.push_back(post(*by, letter_to("ada@example.com")));
  std::set<std::int64_t> peers;
  std::set<std::string> ids;
  for (auto& each : sent) {
    EXPECT_TRUE(each.get().has_value());
    const auto got = sink.next();
    peers.insert(got.at("peer").as_int64());
    ids.insert(header(got, "Message-ID"));
  }
  EXPECT_EQ(peers.size(), 1u);
  EXPECT_EQ(ids.size(), 20u);
}

TEST(smtp_mailer, a_mail_that_the_server_puts_off_or_drops_is_sent_again) {
  smtp_sink sink;
  TROUPE_NEEDS(sink);
  const auto by = mailer_for(config_for(sink.url()));
  for (const std::string to : {"busy-3@example.com", "drop-3@example.com"}) {
    const auto got = post(*by, letter_to(to)).get();
    ASSERT_TRUE(got.has_value()) << to << ": " << got.error().message;
    EXPECT_EQ(sink.next().at("envelope_to").as_array(), json::array{to.c_str()});
  }
}

TEST(smtp_mailer, a_mail_that_is_put_off_too_often_is_given_up) {
  smtp_sink sink;
  TROUPE_NEEDS(sink);
  const auto by = mailer_for(config_for(sink.url()));
  const auto busy = post(*by, letter_to("busy-4@example.com")).get();
  ASSERT_FALSE(busy.has_value());
  EXPECT_EQ(busy.error().code, errc::unavailable);
  EXPECT_EQ(busy.error().message, "the mail server put the mail off (451)");
  // It was tried four times: the fifth, a mail of its own, is taken.
  EXPECT_TRUE(post(*by, letter_to("busy-4@example.com")).get().has_value());
  const auto dropped = post(*by, letter_to("drop-4@example.com")).get();
  ASSERT_FALSE(dropped.has_value());
  EXPECT_EQ(dropped.error().code, errc::unavailable);
}

TEST(smtp_mailer, a_mail_that_waits_for_its_next_try_lets_others_pass) {
  smtp_sink sink;
  TROUPE_NEEDS(sink);
  auto config = config_for(sink.url());
  config.retry_wait = 300ms;
  const auto by = mailer_for(config);
  auto slow = post(*by, letter_to("busy-1@example.com"));
  auto quick = post(*by, letter_to("ada@example.com"));
  EXPECT_TRUE(quick.get().has_value());
  EXPECT_EQ(slow.wait_for(0s), std::future_status::timeout);
  EXPECT_TRUE(slow.get().has_value());
  EXPECT_EQ(sink.next().at("envelope_to").as_array(), json::array{"ada@example.com"});
}

TEST(smtp_mailer, a_final_refusal_is_told_at_once_and_the_next_mail_goes_out) {
  smtp_sink sink;
  TROUPE_NEEDS(sink);
  auto config = config_for(sink.url());
  config.retry_wait = 60s; // a retry would not end within the test
  const auto by = mailer_for(config);
  const auto unknown = post(*by, letter_to("refused@example.com")).get();
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, errc::upstream_failed);
  EXPECT_EQ(unknown.error().message, "the mail server refused the mail (550)");
  const auto spam = post(*by, letter_to("spam@example.com")).get();
  ASSERT_FALSE(spam.has_value());
  EXPECT_EQ(spam.error().message, "the mail server refused the mail (554)");
  EXPECT_TRUE(post(*by, letter_to("ada@example.com")).get().has_value());
}

TEST(smtp_mailer, a_server_that_is_silent_or_absent_is_given_up_in_time) {
  smtp_sink sink;
  TROUPE_NEEDS(sink);
  auto config = config_for(sink.url());
  config.timeout = 1s;
  config.patience = 1500ms;
  const auto begun = steady::now();
  const auto stalled = post(*mailer_for(config), letter_to("stall@example.com")).get();
  ASSERT_FALSE(stalled.has_value());
  EXPECT_EQ(stalled.error().code, errc::deadline_exceeded);
  EXPECT_LT(steady::now() - begun, 4s);
  // Port 1 of loopback: nobody listens there.
  const auto absent =
      post(*mailer_for(config_for("smtp://127.0.0.1:1")), letter_to("ada@example.com")).get();
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().code, errc::unavailable);
}

TEST(smtp_mailer, past_the_bound_mails_are_refused_and_the_waiting_ones_end_with_the_adapter) {
  smtp_sink sink;
  TROUPE_NEEDS(sink);
  auto by = mailer_for(config_for(sink.url()));
  std::vector<std::future<result<done>>> all;
  for (std::size_t i = 0; i < limits::mail_queue + 2; ++i)
    all.push_back(post(*by, letter_to("stall@example.com")));
  const auto begun = steady::now();
  by.reset();
  EXPECT_LT(steady::now() - begun, 2s);
  std::size_t cancelled = 0, overloaded = 0;
  for (auto& each : all) {
    const auto got = each.get();
    ASSERT_FALSE(got.has_value());
    cancelled += got.error().code == errc::cancelled;
    overloaded += got.error().code == errc::overloaded;
  }
  EXPECT_EQ(cancelled + overloaded, all.size());
  // One may have left the queue for the connection already.
  EXPECT_GE(overloaded, 1u);
  EXPECT_LE(overloaded, 2u);
}

TEST(smtp_mailer, a_server_that_never_answers_quit_does_not_hold_the_end) {
  smtp_sink sink({"--mute-quit"});
  TROUPE_NEEDS(sink);
  auto by = mailer_for(config_for(sink.url()));
  ASSERT_TRUE(post(*by, letter_to("ada@example.com")).get().has_value());
  const auto begun = steady::now();
  by.reset();
  EXPECT_LT(steady::now() - begun, 1s);
}

} // namespace
} // namespace troupe::test
