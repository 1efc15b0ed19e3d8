// Goal: ids of streams name their node, ids of events their stream and number; anything else is
// refused. Method: there and back, and texts that look nearly right.
#include "messages/stream_id.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(stream_id, names_its_node_and_is_unique) {
  const auto id = make_stream_id(0x0123456789abcdefull);
  EXPECT_EQ(node_of_stream(id), 0x0123456789abcdefull);
  EXPECT_NE(make_stream_id(1), make_stream_id(1));
}

TEST(stream_id, an_event_is_found_again) {
  const event_id id{make_stream_id(7), 17};
  const auto back = event_id_of(to_string(id));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->stream, id.stream);
  EXPECT_EQ(back->number, 17u);
}

TEST(stream_id, what_is_none_is_refused) {
  const auto id = make_stream_id(7);
  for (const std::string& text :
       {std::string(), std::string("17"), id, id + ':', id + ":x", id + ":1 ", id + ":-1",
        id + ":99999999999999999999", ':' + id, id.substr(1) + ":1", id + "0:1",
        "strm_zzzzzzzzzzzzzzzz" + id.substr(21) + ":1",
        "strm_0000000000000000" + id.substr(21) + ":1"})
    EXPECT_FALSE(event_id_of(text)) << text;
}

} // namespace
} // namespace troupe
