// Goal: the header fields of a mail are those of RFC 5322 and RFC 2047, line by line. Method: pure
// functions on short texts; the Q encoding is decoded again by a few lines of the test's own.
#include "adapters/mail/mail_headers.hpp"

#include <gtest/gtest.h>
#include <charconv>
#include <vector>

namespace troupe::mail_headers {
namespace {

std::string field(std::string_view text) {
  return to_field(text);
}

/// The lines of a folded field; each continuation has lost its blank.
std::vector<std::string> lines_of(std::string_view folded) {
  std::vector<std::string> out;
  for (;;) {
    const auto end = folded.find("\r\n ");
    out.emplace_back(folded.substr(0, end));
    if (end == folded.npos) return out;
    folded.remove_prefix(end + 3);
  }
}

std::string decoded(std::string_view word) {
  std::string out;
  EXPECT_TRUE(word.starts_with("=?UTF-8?Q?") && word.ends_with("?=")) << word;
  word = word.substr(10, word.size() - 12);
  for (std::size_t i = 0; i < word.size(); ++i) {
    int byte = word[i] == '_' ? ' ' : word[i];
    if (word[i] == '=') {
      std::from_chars(word.data() + i + 1, word.data() + i + 3, byte, 16);
      i += 2;
    }
    out += static_cast<char>(byte);
  }
  return out;
}

TEST(mail_headers, short_ascii_stays_as_it_is) {
  EXPECT_EQ(field("Reset your password"), "Reset your password");
  EXPECT_EQ(field(""), "");
}

TEST(mail_headers, other_text_becomes_encoded_words) {
  EXPECT_EQ(field("Grüße"), "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=");
  EXPECT_EQ(field("a é_?="), "=?UTF-8?Q?a_=C3=A9=5F=3F=3D?=");
  EXPECT_EQ(field("=?x?="), "=?UTF-8?Q?=3D=3Fx=3F=3D?=");
}

TEST(mail_headers, long_text_is_folded_between_characters_into_words_of_75) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += i % 3 == 0 ? "a " : i % 3 == 1 ? "ü" : "🎭";
  for (const auto& each : {text, std::string(200, 'x')}) {
    std::string back;
    const auto lines = lines_of(field(each));
    EXPECT_GT(lines.size(), 2u);
    for (const auto& line : lines) {
      EXPECT_LE(line.size() + std::string_view("Subject: ").size(), 76u) << line;
      const auto word = decoded(line);
      EXPECT_NE(static_cast<unsigned char>(word.front()) >> 6, 2) << "begins inside a character";
      back += word;
    }
    EXPECT_EQ(back, each);
  }
}

TEST(mail_headers, a_mailbox_is_read_with_and_without_a_name) {
  const mailbox plain{"", "a@b.c"}, named{"Troupe", "a@b.c"}, odd{"A \"b\" <c>", "a@b.c"};
  EXPECT_EQ(parse_mailbox("a@b.c"), plain);
  EXPECT_EQ(parse_mailbox(" <a@b.c> "), plain);
  EXPECT_EQ(parse_mailbox("Troupe <a@b.c>"), named);
  EXPECT_EQ(parse_mailbox("\"Troupe\"<a@b.c>"), named);
  EXPECT_EQ(parse_mailbox("\"A \\\"b\\\" <c>\" <a@b.c>"), odd);
  for (const char* wrong : {"", "Troupe", "Troupe a@b.c", "a@b.c>", "<a@b.c", "x\ny <a@b.c>",
                            "a@b.c, d@e.f", "Troupe <a@b.c> x"})
    EXPECT_EQ(parse_mailbox(wrong), std::nullopt) << wrong;
}

TEST(mail_headers, a_mailbox_is_written_so_that_its_name_cannot_be_an_address) {
  EXPECT_EQ(to_field(mailbox{"", "a@b.c"}), "a@b.c");
  EXPECT_EQ(to_field(mailbox{"Troupe, Inc.", "a@b.c"}), "\"Troupe, Inc.\"\r\n <a@b.c>");
  EXPECT_EQ(to_field(mailbox{"x\" <e@f.g>\\", "a@b.c"}), "\"x\\\" <e@f.g>\\\\\"\r\n <a@b.c>");
  EXPECT_EQ(to_field(mailbox{"Grüße", "a@b.c"}), "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n <a@b.c>");
}

TEST(mail_headers, a_date_is_in_utc_and_in_english) {
  using namespace std::chrono;
  EXPECT_EQ(to_field(sys_seconds{}), "Thu, 01 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(to_field(sys_seconds{sys_days{2028y / February / 29}} + 23h + 5min + 9s),
            "Tue, 29 Feb 2028 23:05:09 +0000");
}

} // namespace
} // namespace troupe::mail_headers
