// Goal: the URLs that deployments have are understood, and wrong ones get an error that says what
// is wrong and keeps the password; slots, redirections and slot maps are read as the specification
// of Redis Cluster says; errors of a server mean what callers must do. Method: texts and what they
// name.
#include "adapters/redis/cluster_map.hpp"
#include "adapters/redis/redis_stores.hpp"
#include "adapters/redis/redis_url.hpp"
#include "adapters/redis/to_error.hpp"
#include "messages/base/limits.hpp"

#include <gtest/gtest.h>

namespace troupe::redis {
namespace {

using namespace std::string_literals;

TEST(redis_url, names_a_server_with_everything) {
  const auto out = parse_url("rediss://ada:p%27w%40@redis.example.org:6380/7?ca=%2Fca.pem");
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_TRUE(out->tls);
  EXPECT_EQ(out->host, "redis.example.org");
  EXPECT_EQ(out->port, 6380);
  EXPECT_EQ(out->user, "ada");
  EXPECT_EQ(out->password, "p'w@");
  EXPECT_EQ(out->database, 7u);
  EXPECT_EQ(out->ca_file, "/ca.pem");
}

TEST(redis_url, takes_what_may_be_left_out) {
  for (const char* url : {"redis://h", "redis://h/", "redis://h:6379", "redis://h:/0"}) {
    const auto out = parse_url(url);
    ASSERT_TRUE(out) << url << ": " << out.error().message;
    EXPECT_FALSE(out->tls);
    EXPECT_EQ(out->host, "h");
    EXPECT_EQ(out->port, 6379);
    EXPECT_EQ(out->password + out->user, "");
    EXPECT_EQ(out->database, 0u);
  }
  const auto out = parse_url("redis://:pw@[::1]:7000");
  ASSERT_TRUE(out);
  EXPECT_EQ(out->host, "::1");
  EXPECT_EQ(out->user, "");
  EXPECT_EQ(out->password, "pw");
}

TEST(redis_url, says_what_is_wrong_and_never_the_password) {
  const std::pair<const char*, const char*> wrong[] = {
      {"host:6379", "scheme"},
      {"", "no URL"},
      {"redis://u:pw-secret@h h", "no URL"},
      {"http://u:pw-secret@h", "scheme"},
      {"redis://u:pw-secret@", "host"},
      {"redis://u:pw-secret@:6379", "host"},
      {"redis://pw-secret@h", "password"},
      {"redis://u:pw-secret@h:99999", "port"},
      {"redis://u:pw-secret@h:0", "port"},
      {"redis://u:pw-secret@h/x", "number"},
      {"redis://u:pw-secret@h/1/2", "number"},
      {"redis://u:pw-secret@h?timeout=1", "timeout"},
      {"redis://u:pw-secret@h?ca=x", "rediss"},
      {"rediss://u:pw-secret@h?ca=", "file"},
  };
  for (const auto& [url, word] : wrong) {
    const auto out = check_redis_url(url);
    ASSERT_FALSE(out) << url;
    EXPECT_EQ(out.error().code, errc::invalid_argument);
    EXPECT_EQ(out.error().param, "redis.url");
    EXPECT_NE(out.error().message.find(word), std::string::npos) << url << out.error().message;
    EXPECT_EQ(out.error().message.find("pw-secret"), std::string::npos) << out.error().message;
  }
}

TEST(cluster_map, keys_have_the_slots_of_the_specification) {
  EXPECT_EQ(slot_of("123456789"), 0x31C3);
  EXPECT_EQ(slot_of("foo"), 12182);
  EXPECT_EQ(slot_of("bar"), 5061);
  EXPECT_EQ(slot_of(""), 0);
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("user1000"));
  EXPECT_EQ(slot_of("a{b}{c}"), slot_of("b"));
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_NE(slot_of("foo{}{bar}"), slot_of("bar")) << "an empty tag is none";
  EXPECT_NE(slot_of("foo{bar"), slot_of("bar"));
}

TEST(cluster_map, redirections_name_a_slot_and_a_node) {
  const auto moved = redirection_of("MOVED 3999 127.0.0.1:6381", "asked");
  ASSERT_TRUE(moved);
  EXPECT_FALSE(moved->ask);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->to, (endpoint{"127.0.0.1", 6381}));
  const auto ask = redirection_of("ASK 16383 ::1:7000", "asked");
  ASSERT_TRUE(ask);
  EXPECT_TRUE(ask->ask);
  EXPECT_EQ(ask->to, (endpoint{"::1", 7000}));
  for (const char* unnamed : {"MOVED 0 :6381", "MOVED 0 ?:6381"})
    EXPECT_EQ(redirection_of(unnamed, "asked")->to, (endpoint{"asked", 6381}));
}

TEST(cluster_map, what_is_no_redirection_is_none) {
  for (const char* text :
       {"", "ERR", "MOVED", "MOVED 1", "MOVED x h:1", "MOVED 16384 h:1", "MOVED 1 h", "MOVED 1 h:0",
        "MOVED 1 h:65536", "MOVED 1 h:", "MOVED -1 h:1", "moved 1 h:1", "ASKING 1 h:1"})
    EXPECT_FALSE(redirection_of(text, "asked")) << text;
}

value number(std::int64_t n) {
  return {value::kind::integer, n, {}, {}};
}
value text(std::string t) {
  return {value::kind::text, 0, std::move(t), {}};
}
value array(std::vector<value> items) {
  return {value::kind::array, 0, {}, std::move(items)};
}

TEST(cluster_map, the_answer_of_cluster_slots_names_each_ranges_master) {
  const auto master = array({text("10.0.0.1"), number(7000), text("id"), array({})});
  const auto replica = array({text("10.0.0.2"), number(7001), text("id")});
  const auto unnamed = array({value{}, number(7002), text("id")});
  const auto ranges = slots_of(array({array({number(0), number(5460), master, replica}),
                                      array({number(5461), number(16383), unnamed})}),
                               "asked");
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0].last, 5460);
  EXPECT_EQ(ranges[0].master, (endpoint{"10.0.0.1", 7000}));
  EXPECT_EQ(ranges[1].first, 5461);
  EXPECT_EQ(ranges[1].master, (endpoint{"asked", 7002}));
}

TEST(cluster_map, ranges_that_are_none_are_left_out) {
  const auto node = array({text("h"), number(1)});
  const auto none = array({
      array({}),
      array({number(0), number(1)}),
      array({number(0), number(1), array({})}),
      array({number(2), number(1), node}),
      array({number(-1), number(1), node}),
      array({number(0), number(16384), node}),
      array({number(0), number(1), array({text("h"), number(0)})}),
      array({number(0), number(1), array({text("h"), number(65536)})}),
      text("x"),
  });
  EXPECT_TRUE(slots_of(none, "asked").empty());
  EXPECT_TRUE(slots_of(value{value::kind::error, 0, "ERR no cluster", {}}, "asked").empty());
}

TEST(redis_errors, what_passes_is_unavailable_with_a_time_and_the_rest_is_internal) {
  for (const char* text :
       {"LOADING Redis is loading", "READONLY You can't write", "CLUSTERDOWN The cluster is down",
        "TRYAGAIN Multiple keys", "OOM command not allowed", "NOAUTH Authentication required.",
        "ERR Script attempted to access a non local key in a cluster node"}) {
    const auto out = to_error(text);
    EXPECT_EQ(out.code, errc::unavailable) << text;
    EXPECT_GT(out.retry_after_ms, 0u) << text;
    EXPECT_EQ(out.message.find("Redis"), std::string::npos) << "no internals of a store";
  }
  EXPECT_EQ(to_error("ERR unknown command").code, errc::internal);
  EXPECT_EQ(to_error("WRONGTYPE Operation").code, errc::internal);
}

TEST(resp, commands_and_answers_are_binary_safe_however_they_are_cut) {
  EXPECT_EQ(command_bytes({"SET", std::string_view("a\0b", 3), ""}),
            "*3\r\n$3\r\nSET\r\n$3\r\na\0b\r\n$0\r\n\r\n"s);
  const auto all = "+OK\r\n:-7\r\n$-1\r\n$3\r\na\0b\r\n-ERR x\r\n*2\r\n:1\r\n*1\r\n$1\r\nz\r\n"s;
  resp_reader reader;
  std::vector<value> got;
  for (const char byte : all) {
    ASSERT_TRUE(reader.feed({&byte, 1}));
    bool ok = true;
    while (auto each = reader.next(ok)) got.push_back(std::move(*each));
    ASSERT_TRUE(ok);
  }
  ASSERT_EQ(got.size(), 6u);
  EXPECT_EQ(got[0].text, "OK");
  EXPECT_EQ(got[1].number, -7);
  EXPECT_EQ(got[2].what, value::kind::nil);
  EXPECT_EQ(got[3].text, std::string("a\0b", 3));
  EXPECT_EQ(got[4].what, value::kind::error);
  EXPECT_EQ(got[5].items.at(1).items.at(0).text, "z");
}

TEST(resp, what_is_no_answer_or_too_long_is_said) {
  resp_reader garbage;
  ASSERT_TRUE(garbage.feed("HTTP/1.1 400 Bad Request\r\n"));
  bool ok = true;
  EXPECT_FALSE(garbage.next(ok));
  EXPECT_FALSE(ok);
  resp_reader endless;
  const std::string piece(1u << 20, 'x');
  ASSERT_TRUE(endless.feed("$1000000000\r\n"));
  bool took = true;
  for (std::size_t n = 0; took && n < 10; ++n) took = endless.feed(piece);
  EXPECT_FALSE(took);
}

} // namespace
} // namespace troupe::redis
