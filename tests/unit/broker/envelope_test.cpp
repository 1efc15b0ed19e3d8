// Goal: headers and the bodies of link frames survive the wire, and hostile bytes get an error, not
// a crash or an allocation. Method: round trips, bytes written by hand as docs/wire-protocol.md
// says, every truncation and every flipped byte of a header.
#include "broker/envelope.hpp"

#include "broker/frame_bodies.hpp"

#include <gtest/gtest.h>
#include <msgpack.hpp>

namespace troupe::wire {
namespace {

envelope full() {
  envelope e;
  e.type = frame::request;
  e.flags = idempotent | streamed;
  e.hop = 2;
  e.priority = 1;
  e.ttl_ms = 60'000;
  e.mid = {0x0102030405060708, 9};
  e.cid = {0xFFFFFFFFFFFFFFFF, 10};
  e.svc = "prompt.chat/v1";
  e.seq = 1ull << 40;
  e.traceparent = "00-aa-bb-01";
  e.request_id = "req_1";
  e.credential = "tr-secret";
  e.caller = std::string("\x81\x00\xFF", 3);
  e.client_address = "2001:db8::1";
  e.principal = "edges";
  e.to = 77;
  return e;
}

TEST(envelope, every_field_survives_the_wire) {
  const auto back = decode(encode(full()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, full());
  EXPECT_EQ(*decode(encode(envelope{})), envelope{});
}

TEST(envelope, the_bytes_are_those_of_the_document) {
  envelope e;
  e.type = frame::cancel;
  e.mid = {1, 2};
  e.cid = {3, 4};
  const std::string expected(
      "\x9b\x01\x0f\x00"
      "\xc4\x10\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"
      "\xc4\x10\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4"
      "\xa0\x00\x00\x02\x00\x80",
      46);
  EXPECT_EQ(encode(e), expected);
}

TEST(envelope, fields_and_keys_of_later_versions_are_skipped) {
  msgpack::sbuffer bytes;
  msgpack::packer p(bytes);
  p.pack_array(13).pack(1).pack(12).pack(0);
  const std::string id(16, '\1');
  p.pack_bin(16).pack_bin_body(id.data(), 16).pack_bin(16).pack_bin_body(id.data(), 16);
  p.pack("svc").pack(5).pack(0).pack(2).pack(7);
  p.pack_map(4)
      .pack("new")
      .pack(std::vector<int>{1, 2})
      .pack("tp")
      .pack("t")
      .pack(5)
      .pack_nil()
      .pack("to")
      .pack(3);
  p.pack(std::map<std::string, int>{{"a", 1}}).pack("later");
  const auto e = decode({bytes.data(), bytes.size()});
  ASSERT_TRUE(e) << e.error().message;
  EXPECT_EQ(e->type, frame::final);
  EXPECT_EQ(e->seq, 7u);
  EXPECT_EQ(e->traceparent, "t");
  EXPECT_EQ(e->to, 3u);
}

TEST(envelope, fields_may_end_early) {
  const auto e = decode("\x92\x01\x10");
  ASSERT_TRUE(e);
  EXPECT_EQ(e->type, frame::heartbeat);
}

TEST(envelope, another_version_is_told_apart_from_garbage) {
  EXPECT_EQ(decode("\x92\x02\x10").error().code, errc::version);
  EXPECT_EQ(decode("\x92\xa1x\x10").error().code, errc::invalid_argument);
}

TEST(envelope, hostile_bytes_are_refused) {
  const std::vector<std::string> hostile{
      "",
      "\x90",
      "\x91\x01",
      "\x80",
      std::string("\xdd\xff\x00\x00\x00", 5),
      std::string("\xdf\xff\xff\xff\xff", 5),
      std::string(200, '\x91'),
      std::string(2000, '\x81'),
      "\x92\x01\x00",
      std::string("\x92\x01\xcd\x01\x00", 5),
      std::string("\x94\x01\x07\x00\xc4\x0f") + std::string(15, 'x'),
      std::string("\x92\x01\xc6\xff\xff\xff\xff", 7),
      std::string(limits::wire_header_bytes + 1, 'x'),
      encode(full()) + "x"};
  for (const auto& bytes : hostile) EXPECT_FALSE(decode(bytes)) << bytes.size();
}

TEST(envelope, no_truncation_is_taken_for_a_header) {
  const auto bytes = encode(full());
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(decode(std::string_view(bytes).substr(0, n))) << n;
}

TEST(envelope, what_is_accepted_after_a_flipped_byte_can_be_written_again) {
  const auto good = encode(full());
  for (std::size_t n = 0; n < good.size(); ++n)
    for (int flip = 1; flip < 256; ++flip) {
      auto bytes = good;
      bytes[n] = static_cast<char>(bytes[n] ^ flip);
      if (const auto e = decode(bytes)) {
        ASSERT_EQ(*decode(encode(*e)), *e) << n;
      }
    }
}

TEST(link_bodies, survive_the_wire) {
  hello_body hello{"edge-1", 7, 8, {"edge", "router"}, 1, 3};
  const auto h = decode_hello(encode(hello));
  ASSERT_TRUE(h);
  EXPECT_EQ(h->name, "edge-1");
  EXPECT_EQ(h->incarnation, 7u);
  EXPECT_EQ(h->link, 8u);
  EXPECT_EQ(h->roles, hello.roles);
  EXPECT_EQ(h->ver_max, 3u);
  EXPECT_EQ(decode_welcome(encode(welcome_body{1, 500, {"tcp://a"}}))->heartbeat_ms, 500u);
  EXPECT_EQ(decode_capacity(encode(capacity_body{9}))->capacity, 9u);
  const auto w = decode_window(encode(window_body{1, 2, 3, true}));
  ASSERT_TRUE(w);
  EXPECT_EQ(w->granted_bytes, 3u);
  EXPECT_TRUE(w->resend);
  const auto beat = decode_heartbeat(encode(heartbeat_body{4, 5, {"tcp://a"}}));
  ASSERT_TRUE(beat);
  EXPECT_EQ(beat->progress, 5u);
  EXPECT_EQ(beat->brokers, std::vector<std::string>{"tcp://a"});
}

TEST(link_bodies, hostile_bytes_are_refused) {
  for (const auto& bytes :
       {std::string(), std::string("\x81"), std::string("\xdf\xff\xff\xff\xff"),
        std::string(5000, '\x91'), encode(capacity_body{1}) + "x", std::string("\x05"),
        std::string("\x81\xa8"
                    "capacity\xa1x")}) {
    EXPECT_FALSE(decode_capacity(bytes)) << bytes.size();
    EXPECT_FALSE(decode_hello(bytes + '\xc1')) << bytes.size();
  }
}

} // namespace
} // namespace troupe::wire
