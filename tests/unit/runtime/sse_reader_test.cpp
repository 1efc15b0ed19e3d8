// Goal: events come out whole however the bytes are cut. Method: one stream fed in pieces of every
// size, and the odd corners of the format.
#include "runtime/cli/sse_reader.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace troupe::cli {
namespace {

std::vector<std::string> read(std::string_view text, std::size_t piece) {
  std::vector<std::string> out;
  sse_reader reader([&](const sse_event& e) { out.push_back(e.name + "|" + e.data); });
  for (std::size_t at = 0; at < text.size(); at += piece) reader.feed(text.substr(at, piece));
  return out;
}

TEST(sse_reader, events_are_the_same_in_pieces_of_any_size) {
  constexpr std::string_view stream =
      ": heartbeat\n\nevent: token\ndata: {\"text\":\"a\"}\n\ndata:one\r\ndata: two\r\n\r\n"
      "event: done\rdata: x\r\rid: 7\nretry: 1\n\nevent: empty\n\ndata\n\n";
  const std::vector<std::string> wanted{"token|{\"text\":\"a\"}", "message|one\ntwo", "done|x",
                                        "message|"};
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    EXPECT_EQ(read(stream, piece), wanted) << piece;
  }
}

TEST(sse_reader, an_event_that_the_end_cuts_off_is_not_told) {
  EXPECT_TRUE(read("event: token\ndata: half", 3).empty());
}

} // namespace
} // namespace troupe::cli
