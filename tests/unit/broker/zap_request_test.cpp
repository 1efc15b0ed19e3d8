// Goal: what libzmq asks is read as RFC 27 says, and nothing else passes for it. Method: the frames
// of one request, changed one by one.
#include "broker/zap_request.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace troupe::wire {
namespace {

const std::string key(curve_bytes, '\xFE');

std::vector<std::string_view> frames() {
  return {"1.0", "7", "troupe-1", "10.0.0.9", "", "CURVE", key};
}

TEST(zap_request, its_frames_are_what_they_are_for) {
  const auto all = frames();
  const auto asked = read_zap_request(all);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->id, "7");
  EXPECT_EQ(asked->domain, "troupe-1");
  EXPECT_EQ(asked->address, "10.0.0.9");
  EXPECT_EQ(asked->key, key);
}

TEST(zap_request, another_version_mechanism_key_or_number_of_frames_is_none) {
  const std::pair<std::size_t, std::string_view> changes[] = {
      {0, "2.0"}, {0, ""}, {5, "NULL"}, {5, "PLAIN"}, {6, "short"}, {6, ""}};
  for (const auto& [at, text] : changes) {
    auto all = frames();
    all[at] = text;
    EXPECT_FALSE(read_zap_request(all)) << at << ' ' << text;
  }
  auto more = frames();
  more.push_back("x");
  EXPECT_FALSE(read_zap_request(more));
  for (std::size_t n = 0; n < zap_frames; ++n) {
    const auto all = frames();
    EXPECT_FALSE(read_zap_request(std::span(all).first(n))) << n;
  }
}

} // namespace
} // namespace troupe::wire
