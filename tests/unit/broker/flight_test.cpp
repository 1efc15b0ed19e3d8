// Goal: a flight recording has the last things that happened to a broker, whole, bounded and
// without secrets, and no bytes crash who reads one. Method: the recorder's memory is read as its
// file would be.
#include "broker/flight_file.hpp"
#include "broker/flight_recorder.hpp"
#include "broker/frame_bodies.hpp"

#include <gtest/gtest.h>
#include <cstring>

namespace troupe::wire {
namespace {

using namespace std::chrono_literals;

constexpr instant start{1h};

std::string bytes_of(const flight_recorder& r) {
  const auto image = r.image();
  return {reinterpret_cast<const char*>(image.data()), image.size()};
}
flight read(const flight_recorder& r) {
  auto out = read_flight(bytes_of(r));
  EXPECT_TRUE(out) << out.error().message;
  return out ? std::move(*out) : flight{};
}

envelope request(std::uint64_t n) {
  envelope e;
  e.type = frame::request;
  e.flags = idempotent;
  e.hop = 2;
  e.priority = 1;
  e.ttl_ms = 5000;
  e.mid = {7, n | 1ull << 63};
  e.cid = {7, n};
  e.svc = "prompt.chat/v1";
  e.seq = 3;
  e.to = 99;
  e.caller = "ada-who-asks";
  e.credential = "tr-secret-key";
  e.client_address = "203.0.113.9";
  e.request_id = "req_1";
  return e;
}
frame_received received(std::uint64_t n, std::string body = "what is asked") {
  return {"\x01peer", request(n), make_body(std::move(body))};
}
frame_received beat(std::string body) {
  envelope e;
  e.type = frame::heartbeat;
  return {"n", e, make_body(std::move(body))};
}

TEST(flight_recorder, keeps_the_header_and_the_length_of_the_body) {
  flight_recorder r(10, 1000);
  r.describe("broker", "tcp://127.0.0.1:7700", 42);
  r.took(start, received(1));
  r.sent(start + 1500ns, {"worker-with-a-long-name", request(1), nullptr});
  r.took(start + 2s, time_passed{});
  r.took(start + 2s, peer_gone{"p2", true});
  const auto all = read(r);
  EXPECT_EQ(all.name, "broker");
  EXPECT_EQ(all.address, "tcp://127.0.0.1:7700");
  EXPECT_EQ(all.incarnation, 42u);
  EXPECT_EQ(all.lost, 0u);
  EXPECT_GT(all.began_ms, 1'600'000'000'000);
  ASSERT_EQ(all.events.size(), 4u);
  const auto& first = all.events[0];
  EXPECT_EQ(first.kind, flight_kind::received);
  EXPECT_EQ(first.at, 0ns);
  EXPECT_EQ(first.peer, "\x01peer");
  auto wanted = request(1);
  wanted.caller.clear();
  wanted.credential.clear();
  wanted.client_address.clear();
  wanted.request_id.clear();
  EXPECT_EQ(first.header, wanted);
  EXPECT_EQ(first.body_size, 13u);
  EXPECT_EQ(first.body, "") << "what clients ask is not kept";
  EXPECT_NE(first.caller, 0u);
  EXPECT_NE(first.address, 0u);
  EXPECT_EQ(all.events[1].kind, flight_kind::sent);
  EXPECT_EQ(all.events[1].at, 1500ns);
  EXPECT_TRUE(all.events[1].peer.starts_with('#')) << all.events[1].peer;
  EXPECT_EQ(all.events[2].kind, flight_kind::time_passed);
  EXPECT_EQ(all.events[3].kind, flight_kind::peer_gone);
  EXPECT_EQ(all.events[3].peer, "p2");
  EXPECT_TRUE(all.events[3].is_full);
}

TEST(flight_recorder, keeps_no_credential_no_caller_and_no_body_of_a_client) {
  flight_recorder r(10, 1000);
  r.took(start, received(1));
  r.sent(start, {"w", request(1), make_body("what is asked")});
  const auto bytes = bytes_of(r);
  for (const auto* secret : {"tr-secret-key", "ada-who-asks", "203.0.113.9", "what is asked"})
    EXPECT_FALSE(bytes.contains(secret)) << secret;
}

TEST(flight_recorder, keeps_the_bodies_that_change_what_the_broker_knows) {
  flight_recorder r(10, 1000);
  envelope e;
  e.type = frame::hello;
  r.took(start,
         frame_received{"p", e, make_body(encode(hello_body{"auth", 5, 1, {"auth"}, 1, 1}))});
  e.type = frame::registration;
  e.svc = "auth";
  r.took(start, frame_received{"p", e, make_body(encode(capacity_body{8, {}}))});
  const auto all = read(r);
  EXPECT_EQ(decode_hello(all.events.at(0).body)->name, "auth");
  EXPECT_EQ(decode_capacity(all.events.at(1).body)->capacity, 8u);
}

TEST(flight_recorder, the_last_events_push_the_first_out) {
  flight_recorder r(10, 1000);
  for (std::uint64_t n = 1; n <= 25; ++n) r.took(start + n * 1ms, received(n));
  const auto all = read(r);
  EXPECT_EQ(all.lost, 16u) << "the oldest may be half overwritten, and does not count";
  ASSERT_EQ(all.events.size(), 9u);
  for (std::uint64_t n = 0; n < 9; ++n) EXPECT_EQ(all.events[n].header.cid.counter, 17 + n);
}

TEST(flight_recorder, bodies_have_a_ring_of_their_own) {
  flight_recorder r(100, 64);
  for (char c = 'a'; c <= 'f'; ++c) r.took(start, beat(std::string(20, c)));
  const auto all = read(r);
  ASSERT_EQ(all.events.size(), 6u);
  for (std::size_t n = 0; n < 3; ++n) {
    EXPECT_EQ(all.events[n].body, "") << "others have taken its place";
    EXPECT_EQ(all.events[n].body_size, 20u);
  }
  for (std::size_t n = 3; n < 6; ++n)
    EXPECT_EQ(all.events[n].body, std::string(20, static_cast<char>('a' + n)));
  r.took(start, beat(std::string(65, 'x')));
  EXPECT_EQ(read(r).events.back().body, "") << "larger than the ring";
  EXPECT_EQ(read(r).events.back().body_size, 65u);
}

TEST(flight_recorder, long_names_are_cut_and_empty_ones_are_fine) {
  flight_recorder r(4, 64);
  r.describe(std::string(100, 'n'), std::string(64, 'a'), 1);
  envelope e;
  e.type = frame::request;
  e.svc = std::string(100, 's');
  r.took(start, frame_received{"", e, nullptr});
  const auto all = read(r);
  EXPECT_EQ(all.name, std::string(63, 'n'));
  EXPECT_EQ(all.address, std::string(63, 'a'));
  EXPECT_EQ(all.events.at(0).header.svc, std::string(52, 's'));
  EXPECT_EQ(all.events.at(0).peer, "");
}

TEST(flight_file, what_is_none_is_refused) {
  EXPECT_EQ(read_flight("").error().code, errc::invalid_argument);
  EXPECT_EQ(read_flight(std::string(5000, 'x')).error().code, errc::invalid_argument);
  flight_recorder r(10, 100);
  r.took(start, received(1));
  const auto whole = bytes_of(r);
  for (std::size_t n = 0; n < whole.size() - 8; n += 31)
    EXPECT_FALSE(read_flight(std::string_view(whole).substr(0, n))) << n;
  auto other = whole;
  other[8] = 2;
  EXPECT_EQ(read_flight(other).error().code, errc::version);
}

TEST(flight_file, numbers_that_lie_are_harmless) {
  flight_recorder r(10, 100);
  for (int n = 0; n < 12; ++n) r.took(start, beat("body"));
  const auto whole = bytes_of(r);
  for (std::size_t at = 8; at < 600; at += 4)
    for (const char value : {'\x00', '\x7f', '\xff'}) {
      auto bytes = whole;
      std::memset(bytes.data() + at, value, 4);
      if (const auto read = read_flight(bytes)) {
        EXPECT_LE(read->events.size(), 10u);
      }
    }
}

} // namespace
} // namespace troupe::wire
