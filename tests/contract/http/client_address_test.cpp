// Goal: who asks is who the trusted proxies say, and nobody can make it another. Method: direct
// calls with the headers as proxies write them and as attackers would.
#include "adapters/http/client_address.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace troupe::http {
namespace {

using texts = std::vector<std::string_view>;

const std::vector<ip_range> trusted{*parse_ip_range("10.0.0.0/8"), *parse_ip_range("fd00::/8")};

std::string client(const texts& by, const texts& as = {}, std::string_view peer = "10.0.0.1") {
  return to_string(client_address(*parse_ip(peer), trusted, by, as));
}

TEST(client_address, a_peer_that_is_not_trusted_is_the_client_whatever_it_says) {
  EXPECT_EQ(client({"1.2.3.4"}, {"for=1.2.3.4"}, "203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(to_string(client_address(*parse_ip("10.0.0.1"), {}, texts{"1.2.3.4"}, {})), "10.0.0.1");
}

TEST(client_address, of_a_trusted_peer_the_rightmost_entry_counts_that_is_not_trusted) {
  EXPECT_EQ(client({"203.0.113.7"}), "203.0.113.7");
  EXPECT_EQ(client({"1.1.1.1, 203.0.113.7, 10.9.9.9"}), "203.0.113.7");
  EXPECT_EQ(client({"1.1.1.1", "203.0.113.7", "10.9.9.9"}), "203.0.113.7") << "several lines";
  EXPECT_EQ(client({"1.1.1.1,203.0.113.7", "10.9.9.9 ,\tfd00::1"}), "203.0.113.7");
  EXPECT_EQ(client({"203.0.113.7"}, {}, "::ffff:10.0.0.1"), "203.0.113.7");
}

TEST(client_address, when_all_are_trusted_the_leftmost_counts) {
  EXPECT_EQ(client({"10.1.1.1, 10.2.2.2"}), "10.1.1.1");
}

TEST(client_address, what_the_client_invented_left_of_it_is_not_read) {
  EXPECT_EQ(client({"garbage, , \"\x01, 203.0.113.7"}), "203.0.113.7");
}

TEST(client_address, an_entry_on_the_way_that_is_no_address_makes_it_the_peer) {
  for (const auto* list : {"", ",", "203.0.113.7,", "unknown", "203.0.113.7, _hidden, 10.1.1.1",
                           "203.0.113.7, 10.1.1.1, ", "1.2.3.4.5", "203.0.113.7 5", "[203.0.113.7]",
                           "[::1", "[::1]x", "203.0.113.7:port", "203.0.113.7:123456"})
    EXPECT_EQ(client({list}), "10.0.0.1") << list;
}

TEST(client_address, ports_and_brackets_are_taken_off) {
  EXPECT_EQ(client({"203.0.113.7:4711"}), "203.0.113.7");
  EXPECT_EQ(client({"[2001:DB8::1]:4711"}), "2001:db8::1");
  EXPECT_EQ(client({"[2001:db8::1]"}), "2001:db8::1");
  EXPECT_EQ(client({"2001:db8::1"}), "2001:db8::1");
  EXPECT_EQ(client({"::ffff:203.0.113.7"}), "203.0.113.7");
}

TEST(client_address, a_longer_way_than_the_bound_makes_it_the_peer) {
  std::string list = "203.0.113.7";
  for (std::size_t i = 1; i < proxies_max; ++i) list += ", 10.1.1.1";
  EXPECT_EQ(client({list}), "203.0.113.7");
  EXPECT_EQ(client({list + ", 10.1.1.1"}), "10.0.0.1");
  EXPECT_EQ(client({list, "10.1.1.1"}), "10.0.0.1");
}

TEST(client_address, forwarded_counts_only_without_x_forwarded_for) {
  EXPECT_EQ(client({}, {"for=203.0.113.7;proto=https;by=10.0.0.1"}), "203.0.113.7");
  EXPECT_EQ(client({"198.51.100.9"}, {"for=203.0.113.7"}), "198.51.100.9");
  EXPECT_EQ(client({"unknown"}, {"for=203.0.113.7"}), "10.0.0.1");
  EXPECT_EQ(client({}, {}), "10.0.0.1");
}

TEST(client_address, forwarded_is_read_as_rfc_7239_writes_it) {
  EXPECT_EQ(client({}, {"For=\"[2001:db8:cafe::17]:4711\""}), "2001:db8:cafe::17");
  EXPECT_EQ(client({}, {"for=192.0.2.43, for=198.51.100.17;by=x, for=10.1.1.1"}), "198.51.100.17");
  EXPECT_EQ(client({}, {"for=192.0.2.43", "host=\"a,b;for=1.1.1.1\";for=\"203.0.113.7:80\""}),
            "203.0.113.7");
  for (const auto* list : {"for=unknown", "for=_gazonk", "proto=http", "for=", "for=\"\"",
                           "for=203.0.113.7;for=1.1.1.1", "for =203.0.113.7", "="})
    EXPECT_EQ(client({}, {list}), "10.0.0.1") << list;
}

TEST(client_address, quotes_that_a_client_leaves_open_make_it_the_peer_and_nobody_else) {
  EXPECT_EQ(client({}, {"for=\"x, for=203.0.113.7"}), "10.0.0.1");
  EXPECT_EQ(client({}, {"for=\"x, for=203.0.113.7;host=\"y,for=1.2.3.4;z=\""}), "10.0.0.1");
  EXPECT_EQ(client({}, {"for=203.0.113.7;host=\"x\\\", for=1.2.3.4;z=\\\"\""}), "203.0.113.7");
}

} // namespace
} // namespace troupe::http
