// Goal: no bytes of a peer end the process, cost memory or get past a wrong type.
// Method: hand-made MessagePack, hostile (FAULTS: length bombs, nesting, truncation) and mistyped.
#include "messages/codec/msgpack.hpp"
#include "messages/base/limits.hpp"
#include "messages/message_list.hpp"

#include <gtest/gtest.h>

#include <unistd.h>
#include <fstream>
#include <limits>
#include <msgpack.hpp>

namespace troupe {
namespace {

/// One map entry with a packed value.
template <class T>
std::string map_with(std::string_view key, const T& value) {
  msgpack::sbuffer out;
  msgpack::packer<msgpack::sbuffer> to(out);
  to.pack_map(1);
  to.pack_str(static_cast<std::uint32_t>(key.size()));
  to.pack_str_body(key.data(), static_cast<std::uint32_t>(key.size()));
  to.pack(value);
  return {out.data(), out.size()};
}

template <class T>
error refused(std::string_view bytes) {
  const auto out = msgpack_codec::decode<T>(bytes);
  EXPECT_FALSE(out);
  if (out) return {};
  EXPECT_EQ(out.error().code, errc::invalid_argument);
  return out.error();
}

long resident_kib() {
  std::ifstream statm("/proc/self/statm");
  long size = 0, resident = 0;
  statm >> size >> resident;
  return resident * (::sysconf(_SC_PAGESIZE) / 1024);
}

TEST(msgpack, length_bombs_are_refused_without_taking_memory) {
  const std::vector<std::string> bombs{
      std::string("\xdd\xff\x00\x00\x00", 5),                 // an array of 4 billion
      std::string("\xdf\xff\xff\xff\xff", 5),                 // a map
      std::string("\xdb\x40\x00\x00\x00", 5),                 // a string of 1 GiB
      std::string("\xc6\x40\x00\x00\x00", 5),                 // bytes
      std::string("\xc9\x40\x00\x00\x00\x01", 6),             // an extension
      std::string("\x81\xa7records\xdd\x3f\xff\xff\xff", 14), // in a known field
  };
  const auto throw_all = [&] {
    for (const std::string& bomb : bombs) {
      for (int i = 0; i < 100; ++i) refused<append_logs_request>(bomb);
    }
  };
  throw_all(); // what the first round takes, it keeps
  const long before = resident_kib();
  throw_all();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const long allowed_kib = 64 * 1024; // sanitizers keep freed memory for a while
#else
  const long allowed_kib = 1024;
#endif
  EXPECT_LT(resident_kib() - before, allowed_kib);
}

TEST(msgpack, nesting_stops_at_the_limit) {
  std::string chain;
  for (int i = 0; i < 10000; ++i) chain += std::string("\xdc\x00\x01", 3);
  chain += '\xc0';
  refused<done>(chain);
  refused<done>(std::string(100000, '\x91') + '\xc0');
  std::string maps;
  for (int i = 0; i < 5000; ++i) maps += "\x81\xa1k";
  refused<done>(maps + '\xc0');

  const auto nested = [](std::size_t depth) {
    return "\x81\xa1k" + std::string(depth - 1, '\x91') + '\xc0';
  };
  EXPECT_TRUE(msgpack_codec::decode<done>(nested(limits::json_depth)));
  refused<done>(nested(limits::json_depth + 1));
}

TEST(msgpack, wide_nesting_does_not_get_past_the_node_budget) {
  // 64 x 64 x 64 nil: fine by any limit on one container, and as many nodes as bytes.
  std::string nils = std::string("\xdc\x00\x40", 3) + std::string(64, '\xc0');
  std::string rows = std::string("\xdc\x00\x40", 3), planes = rows;
  for (int i = 0; i < 64; ++i) rows += nils;
  for (int i = 0; i < 64; ++i) planes += rows;
  refused<done>(planes);
  // Each container announces what it does not have.
  std::string lying;
  for (int i = 0; i < 20; ++i) lying += std::string("\xdc\xff\xff", 3);
  refused<done>(lying);
}

TEST(msgpack, truncated_and_trailing_bytes_are_refused) {
  log_record record;
  record.message = "something happened";
  record.attributes.raw = R"({"n":1})";
  const std::string whole = msgpack_codec::encode(record);
  ASSERT_TRUE(msgpack_codec::decode<log_record>(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    refused<log_record>(std::string_view(whole).substr(0, size));
  }
  EXPECT_EQ(refused<log_record>(whole + '\xc0').message, "bytes follow the MessagePack value");
  refused<log_record>(std::string("\xc1"));
}

TEST(msgpack, every_single_byte_change_is_answered_not_crashed) {
  chat_request chat;
  chat.model = "extract";
  chat.retrieval.emplace().vector_store_ids = {"vs_1", "vs_2"};
  chat.body.raw = R"({"model":"extract","messages":[]})";
  const std::string whole = msgpack_codec::encode(chat);
  int good = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = whole;
      changed[at] = static_cast<char>(value);
      if (const auto out = msgpack_codec::decode<chat_request>(changed)) {
        ++good;
        const auto again = msgpack_codec::decode<chat_request>(msgpack_codec::encode(*out));
        ASSERT_TRUE(again);
        EXPECT_EQ(*again, *out);
      }
    }
  }
  EXPECT_GT(good, static_cast<int>(whole.size()));
}

TEST(msgpack, a_wrong_type_names_the_path) {
  EXPECT_EQ(refused<login_request>(map_with("email", 1)).message,
            "email: expected a string, got a number");
  EXPECT_EQ(refused<login_request>(map_with("email", 1)).param, "email");
  EXPECT_EQ(refused<user_view>(map_with("admin", std::string("yes"))).message,
            "admin: expected a boolean, got a string");
  EXPECT_EQ(refused<file_chunk>(map_with("bytes", std::string("x"))).message,
            "bytes: expected bytes, got a string");
  EXPECT_EQ(refused<list_files_request>(map_with("limit", 1.5)).message,
            "limit: expected an integer, got a number");
  EXPECT_EQ(refused<citation>(map_with("score", std::string("1"))).message,
            "score: expected a number, got a string");
  EXPECT_EQ(refused<caller>(map_with("scopes", std::vector<int>{1})).param, "scopes[0]");
  EXPECT_EQ(refused<done>("\x90").message, "expected a map, got an array");
  EXPECT_EQ(refused<append_logs_request>(
                map_with("records", std::vector<std::map<std::string, int>>{{{"service", 5}}}))
                .param,
            "records[0].service");
}

TEST(msgpack, integers_keep_their_range) {
  EXPECT_EQ(msgpack_codec::decode<list_files_request>(map_with("limit", 4294967295u))->limit,
            4294967295u);
  EXPECT_EQ(refused<list_files_request>(map_with("limit", 4294967296ull)).param, "limit");
  EXPECT_EQ(refused<list_files_request>(map_with("limit", -1)).message,
            "limit: expected an integer from 0 to 4294967295");
  EXPECT_EQ(refused<file_view>(map_with("bytes", std::numeric_limits<std::uint64_t>::max())).param,
            "bytes");
  EXPECT_EQ(msgpack_codec::decode<file_view>(map_with("bytes", -5))->bytes, -5);
  EXPECT_EQ(msgpack_codec::decode<citation>(map_with("score", -5))->score, -5);
}

TEST(msgpack, an_unknown_enumerator_lists_those_that_are_known) {
  EXPECT_EQ(refused<log_record>(map_with("level", std::string("loud"))).message,
            "level: unknown value 'loud', expected one of debug, info, warn, error, fatal");
}

TEST(msgpack, raw_json_is_checked) {
  const auto good = msgpack_codec::decode<chat_delta>(map_with("data", std::string(R"({"a":1})")));
  ASSERT_TRUE(good);
  EXPECT_EQ(good->data.raw, R"({"a":1})");
  const error why = refused<chat_delta>(map_with("data", std::string(R"({"a":)")));
  EXPECT_EQ(why.param, "data");
  EXPECT_TRUE(why.message.starts_with("data: not valid JSON at byte ")) << why.message;
  EXPECT_TRUE(msgpack_codec::decode<chat_delta>(map_with("data", std::string()))->data.empty());
}

TEST(msgpack, keys_that_are_no_strings_are_skipped) {
  EXPECT_TRUE(msgpack_codec::decode<done>("\x82\x01\x02\xc0\xc3"));
}

} // namespace
} // namespace troupe
