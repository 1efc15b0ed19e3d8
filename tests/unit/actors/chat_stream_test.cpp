// Goal: what a chat says goes out in order and once, as far as credit goes; what has a name can be
// read again from any event that is kept. Method: the pure class.
#include "actors/prompt/chat_stream.hpp"

#include "messages/base/limits.hpp"
#include "messages/codec/json.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace troupe {
namespace {

using texts = std::vector<std::string>;

chat_delta event(std::string text) {
  return {"", {std::move(text)}};
}

class said : public testing::Test {
protected:
  void say(int from, int to) {
    for (int n = from; n <= to; ++n) stream_.put(event(std::to_string(n)));
  }
  /// All that may go out now.
  texts take() {
    texts out;
    while (auto d = stream_.next()) out.push_back(d->event.empty() ? d->data.raw : d->event);
    return out;
  }
  chat_stream stream_;
};

TEST_F(said, goes_out_in_order_as_far_as_credit_goes) {
  const auto window = static_cast<int>(limits::stream_window_frames);
  say(1, window + 2);
  EXPECT_EQ(take().size(), limits::stream_window_frames);
  EXPECT_FALSE(stream_.is_drained());
  stream_.grant(1, 10);
  EXPECT_EQ(take(), texts{std::to_string(window + 1)});
  stream_.grant(5, 10);
  EXPECT_EQ(take(), texts{std::to_string(window + 2)});
  EXPECT_TRUE(stream_.is_drained());
}

TEST_F(said, bytes_are_credit_too) {
  stream_.put(event(std::string(limits::stream_window_bytes, 'x')));
  say(1, 1);
  EXPECT_EQ(take().size(), 1u);
  stream_.grant(0, 1);
  EXPECT_EQ(take(), texts{"1"});
}

TEST_F(said, a_name_comes_first_and_what_is_no_event_does_not_count) {
  stream_.name("strm_1");
  stream_.put({std::string(stream_opened), {}});
  say(1, 2);
  EXPECT_EQ(take(), (texts{"stream", "open", "1", "2"}));
  EXPECT_EQ(stream_.events(), 2u);
}

TEST_F(said, a_reader_that_comes_back_hears_where_it_goes_on) {
  stream_.name("strm_1");
  say(1, 5);
  take();
  ASSERT_TRUE(stream_.holds(3));
  stream_.read_from(3);
  const auto first = stream_.next();
  ASSERT_TRUE(first);
  const auto begin = json::decode<chat_stream_begin>(first->data.raw);
  EXPECT_EQ(begin->id, "strm_1");
  EXPECT_EQ(begin->after, 3u);
  EXPECT_EQ(take(), (texts{"open", "4", "5"}));
  say(6, 6);
  EXPECT_EQ(take(), texts{"6"});
}

TEST_F(said, from_the_beginning_and_from_the_end) {
  stream_.name("strm_1");
  say(1, 2);
  take();
  ASSERT_TRUE(stream_.holds(0));
  stream_.read_from(0);
  EXPECT_EQ(take(), (texts{"stream", "open", "1", "2"}));
  ASSERT_TRUE(stream_.holds(2));
  stream_.read_from(2);
  EXPECT_EQ(take(), (texts{"stream", "open"}));
  EXPECT_FALSE(stream_.holds(3)) << "it has not been said";
}

TEST_F(said, a_fresh_reader_has_fresh_credit) {
  stream_.name("strm_1");
  say(1, 200);
  take();
  ASSERT_TRUE(stream_.holds(100));
  stream_.read_from(100);
  EXPECT_EQ(take().size(), limits::stream_window_frames);
}

TEST_F(said, what_was_sent_is_kept_within_a_bound) {
  stream_.name("strm_1");
  const std::string large((1u << 20) - sizeof(chat_delta), 'x');
  for (int n = 0; n < 6; ++n) {
    stream_.put(event(large));
    stream_.grant(1, 1u << 20);
    take();
  }
  EXPECT_FALSE(stream_.holds(1));
  EXPECT_TRUE(stream_.holds(2));
  EXPECT_EQ(stream_.events(), 6u);
}

TEST_F(said, it_shrinks_by_what_was_sent_and_no_further) {
  const auto sent = limits::stream_window_frames - 1; // its name took one
  stream_.name("strm_1");
  say(1, static_cast<int>(sent) + 2);
  EXPECT_GT(stream_.kept_bytes(), (sent + 2) * sizeof(chat_delta)) << "more than its text";
  take();
  stream_.shrink(0);
  EXPECT_FALSE(stream_.holds(sent - 1));
  EXPECT_TRUE(stream_.holds(sent)) << "two wait for credit";
  stream_.grant(2, 100);
  EXPECT_EQ(take().size(), 2u);
}

TEST_F(said, who_comes_back_to_much_is_far_behind_until_it_is_let_go) {
  stream_.name("strm_1");
  const std::string large((1u << 20) - sizeof(chat_delta), 'x');
  for (int n = 0; n < 3; ++n) {
    stream_.put(event(large));
    stream_.grant(1, 1u << 20);
    take();
  }
  EXPECT_FALSE(stream_.is_far_behind()) << "all is read";
  stream_.read_from(0);
  EXPECT_TRUE(stream_.is_far_behind());
  stream_.let_go(1u << 20);
  EXPECT_EQ(stream_.kept_bytes(), 1u << 20);
  EXPECT_FALSE(stream_.holds(1));
  EXPECT_TRUE(stream_.holds(2));
  stream_.let_go(0);
  EXPECT_FALSE(stream_.is_far_behind());
  EXPECT_FALSE(stream_.is_ahead()) << "nothing is left to wait for";
  stream_.put(event("next"));
  stream_.read_from(3);
  EXPECT_EQ(take().back(), "next");
}

TEST_F(said, what_nobody_reads_makes_its_producer_wait) {
  stream_.name("strm_1");
  stream_.put(event(std::string(limits::stream_ahead_bytes - sizeof(chat_delta), 'x')));
  EXPECT_FALSE(stream_.is_ahead());
  say(1, 1);
  EXPECT_TRUE(stream_.is_ahead());
  stream_.grant(10, limits::stream_ahead_bytes);
  take();
  EXPECT_FALSE(stream_.is_ahead());
  ASSERT_TRUE(stream_.holds(0));
  stream_.read_from(0);
  EXPECT_TRUE(stream_.is_ahead()) << "it waits to be read once more";
}

} // namespace
} // namespace troupe
