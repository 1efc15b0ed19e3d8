// Goal: addresses have one text, ranges hold what they say, and limits group IPv6 by subscriber.
// Method: direct calls.
#include "messages/base/ip_address.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

std::string canonical(std::string_view text) {
  const auto address = parse_ip(text);
  return address ? to_string(*address) : "none";
}

bool holds(std::string_view range, std::string_view address) {
  const auto parsed = parse_ip_range(range);
  return parsed && parsed->contains(parse_ip(address).value());
}

TEST(ip_address, every_spelling_of_an_address_has_one_text) {
  EXPECT_EQ(canonical("203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(canonical("::ffff:203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(canonical("::FFFF:cb00:7107"), "203.0.113.7");
  EXPECT_EQ(canonical("2001:0DB8:0:0:0:0:0:1"), "2001:db8::1");
  EXPECT_EQ(canonical("::"), "::");
  EXPECT_EQ(canonical("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

TEST(ip_address, what_is_no_address_is_none) {
  for (const std::string text :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4:80", "[::1]", "fe80::1%eth0",
        ":::", "12345::", "localhost", " 1.2.3.4", "1.2.3.4 ", "::ffff:1.2.3.256"})
    EXPECT_FALSE(parse_ip(text)) << text;
  EXPECT_FALSE(parse_ip(std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(parse_ip(std::string(5000, '1')));
}

TEST(ip_address, a_range_holds_the_addresses_with_its_first_bits) {
  EXPECT_TRUE(holds("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(holds("10.1.2.3/8", "10.9.9.9")) << "bits behind the prefix do not count";
  EXPECT_TRUE(holds("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(holds("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_TRUE(holds("0.0.0.0/0", "203.0.113.7"));
  EXPECT_FALSE(holds("0.0.0.0/0", "2001:db8::1")) << "all of IPv4 is not IPv6";
  EXPECT_TRUE(holds("::/0", "203.0.113.7"));
  EXPECT_TRUE(holds("2001:db8::/33", "2001:db8:7fff::"));
  EXPECT_FALSE(holds("2001:db8::/33", "2001:db8:8000::"));
  EXPECT_TRUE(holds("127.0.0.1", "127.0.0.1"));
  EXPECT_FALSE(holds("127.0.0.1", "127.0.0.2"));
}

TEST(ip_address, what_is_no_range_is_none) {
  for (const auto* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1",
                           "10.0.0.0/8x", "10/8", "10.0.0.0/8/9", "host/8"})
    EXPECT_FALSE(parse_ip_range(text)) << text;
}

TEST(ip_address, a_limit_counts_an_ipv4_address_alone_and_ipv6_by_its_subscriber) {
  EXPECT_EQ(limit_address("203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(limit_address("::ffff:203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(limit_address("2001:db8:1:2:aaaa:bbbb:cccc:dddd"), "2001:db8:1:2::/64");
  EXPECT_EQ(limit_address("2001:db8:1:2::"), "2001:db8:1:2::/64");
  EXPECT_NE(limit_address("2001:db8:1:2::1"), limit_address("2001:db8:1:3::1"));
  EXPECT_EQ(limit_address("unknown"), "unknown");
  EXPECT_EQ(limit_address(""), "");
}

} // namespace
} // namespace troupe
