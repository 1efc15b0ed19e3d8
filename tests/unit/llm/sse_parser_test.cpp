// Goal: the parser of server-sent events reads what any provider may send, at any cut of its bytes.
// Method: every text is fed whole, byte by byte, and in two pieces at every place.
#include "adapters/llm/sse_parser.hpp"

#include <gtest/gtest.h>
#include <random>

namespace troupe::llm {
namespace {

using events = std::vector<std::pair<std::string, std::string>>;

events feed_pieces(const std::vector<std::string_view>& pieces) {
  sse_parser parser;
  std::vector<sse_event> out;
  for (const auto piece : pieces) EXPECT_TRUE(parser.feed(piece, out));
  events seen;
  for (auto& each : out) seen.emplace_back(each.event, each.data);
  return seen;
}

/// Expects the same events from every cut of `text`.
void expect_events(std::string_view text, const events& wanted) {
  EXPECT_EQ(feed_pieces({text}), wanted);
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
  EXPECT_EQ(feed_pieces(bytes), wanted);
  for (std::size_t i = 0; i <= text.size(); ++i) {
    EXPECT_EQ(feed_pieces({text.substr(0, i), text.substr(i)}), wanted) << "cut at " << i;
  }
}

TEST(sse_parser, data_lines_become_events_at_the_blank_line) {
  expect_events("data: {\"a\":1}\n\ndata: [DONE]\n\n", {{"", "{\"a\":1}"}, {"", "[DONE]"}});
}

TEST(sse_parser, every_line_end_counts_even_mixed) {
  expect_events("data: a\r\n\r\ndata: b\r\rdata: c\n\ndata: d\r\n\n",
                {{"", "a"}, {"", "b"}, {"", "c"}, {"", "d"}});
}

TEST(sse_parser, several_data_lines_are_joined_with_newlines) {
  expect_events("data: one\ndata:two\ndata\n\n", {{"", "one\ntwo\n"}});
}

TEST(sse_parser, only_the_first_space_after_the_colon_goes) {
  expect_events("data:  two\n\n", {{"", " two"}});
}

TEST(sse_parser, comments_ids_and_unknown_fields_are_skipped) {
  expect_events(": heartbeat\n\n:\nid: 7\nretry: 10\nfoo: bar\ndata: x\n\n", {{"", "x"}});
}

TEST(sse_parser, an_event_name_counts_for_its_own_event_only) {
  expect_events("event: error\ndata: {}\n\ndata: y\n\n", {{"error", "{}"}, {"", "y"}});
}

TEST(sse_parser, an_event_without_data_is_none) {
  expect_events("event: ping\n\ndata: z\n\n", {{"", "z"}});
}

TEST(sse_parser, empty_data_is_an_event) {
  expect_events("data:\n\n", {{"", ""}});
}

TEST(sse_parser, a_byte_order_mark_at_the_start_is_skipped_and_nowhere_else) {
  expect_events(
      "\xEF\xBB\xBF"
      "data: a\n\n\xEF\xBB\xBF"
      "data: b\n\n",
      {{"", "a"}});
}

TEST(sse_parser, an_event_that_no_blank_line_ended_is_not_reported) {
  expect_events("data: a\n\ndata: cut", {{"", "a"}});
  expect_events("data: a\n\ndata: cut\n", {{"", "a"}});
}

TEST(sse_parser, a_line_past_its_bound_stops_the_parser_for_good) {
  sse_parser parser(16);
  std::vector<sse_event> out;
  EXPECT_TRUE(parser.feed("data: 0123456789\n\n", out));
  EXPECT_FALSE(parser.feed("data: 0123456789X", out));
  EXPECT_FALSE(parser.feed("\n\ndata: a\n\n", out));
  EXPECT_EQ(out.size(), 1u);
}

TEST(sse_parser, many_short_data_lines_cannot_pass_the_bound_either) {
  sse_parser parser(16);
  std::vector<sse_event> out;
  bool fine = true;
  for (int i = 0; i < 9 && fine; ++i) fine = parser.feed("data: a\n", out);
  EXPECT_FALSE(fine);
  EXPECT_TRUE(out.empty());
}

TEST(sse_parser, a_line_in_many_pieces_is_bounded_like_a_whole_one) {
  sse_parser parser;
  std::vector<sse_event> out;
  const std::string piece(64 << 10, 'x');
  std::size_t taken = 0;
  while (taken < (std::size_t{4} << 20) && parser.feed(piece, out)) taken += piece.size();
  EXPECT_LE(taken, sse_parser::default_bytes_max);
}

TEST(sse_parser, random_bytes_give_the_same_events_whole_and_in_random_pieces) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  const std::string_view letters = "data:event \r\n\n{}\xEF\xBB\xBF";
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (int i = 0; i < 200; ++i) text.push_back(letters[random() % letters.size()]);
    std::vector<std::string_view> pieces;
    for (std::string_view rest = text; !rest.empty();) {
      const auto size = std::min<std::size_t>(rest.size(), 1 + random() % 9);
      pieces.push_back(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    ASSERT_EQ(feed_pieces({text}), feed_pieces(pieces)) << "seed " << seed;
  }
}

} // namespace
} // namespace troupe::llm
