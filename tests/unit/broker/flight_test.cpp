// Goal: a flight recording has the last things that happened to a broker, whole, bounded and
// without secrets, and no bytes crash who reads one. Method: the recorder's memory is read as its
// file would be.
#include "broker/flight_file.hpp"
#include "broker/flight_recorder.hpp"
#include "broker/frame_bodies.hpp"

#include <gtest/gtest.h>
#include <cstddef>
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

envelope numbered(frame type, std::uint64_t n, std::string svc = {}) {
  envelope e;
  e.type = type;
  e.mid.counter = n | 1ull << 63;
  e.svc = std::move(svc);
  return e;
}
body_ptr hello_of(const std::string& name, std::uint64_t incarnation) {
  return make_body(encode(hello_body{name, incarnation, 1, {name}, 1, 1}));
}
body_ptr capacity_of(std::uint64_t n) {
  return make_body(encode(capacity_body{n, {}}));
}
/// A recorder that is so short that all that was said before pushed() has left it.
struct short_recorder : flight_recorder {
  explicit short_recorder(std::uint32_t known_bytes = 4096, std::uint32_t bodies_bytes = 2000)
      : flight_recorder(4, bodies_bytes, known_bytes) {}
  std::uint64_t n = 0; ///< of messages
  void hears(const peer_id& from, frame type, body_ptr body = {}, std::string svc = {}) {
    took(start, frame_received{from, numbered(type, ++n, std::move(svc)), std::move(body)});
  }
  void says(const peer_id& to, frame type) { sent(start, {to, numbered(type, ++n), nullptr}); }
  flight pushed() {
    for (int i = 0; i < 4; ++i) took(start, received(1));
    return read(*this);
  }
};
/// `peer type svc` of each that still holds.
std::vector<std::string> names(const flight& in) {
  std::vector<std::string> out;
  for (const auto& e : in.known)
    out.push_back(e.peer + ' ' + std::string(to_string(e.header.type)) + ' ' + e.header.svc);
  return out;
}
using texts = std::vector<std::string>;

TEST(flight_table, what_leaves_the_ring_and_still_holds_is_kept) {
  short_recorder r;
  r.hears("a", frame::hello, hello_of("auth", 5));
  r.hears("a", frame::registration, capacity_of(8), "auth");
  r.hears("b", frame::hello, hello_of("edge", 6));
  EXPECT_TRUE(read(r).known.empty()) << "it is in the ring";
  r.hears("a", frame::credit, capacity_of(4), "auth");
  r.hears("a", frame::heartbeat, make_body("first"));
  r.hears("a", frame::heartbeat, make_body("second"));
  r.hears("a", frame::drain);
  r.took(start, drain_started{});
  const auto all = r.pushed();
  EXPECT_EQ(names(all), (texts{"a hello ", "a register auth", "b hello ", "a credit auth",
                               "a heartbeat ", "a drain ", " other "}));
  EXPECT_EQ(decode_hello(all.known[0].body)->name, "auth");
  EXPECT_EQ(decode_capacity(all.known[3].body)->capacity, 4u);
  EXPECT_EQ(all.known[4].body, "second") << "the last one";
  EXPECT_EQ(all.known[6].kind, flight_kind::drain_started);
  EXPECT_EQ(all.left_out, 0u);
  EXPECT_TRUE(all.is_known_whole);
}

TEST(flight_table, nothing_is_lost_between_the_table_and_the_ring) {
  for (int others = 0; others < 8; ++others) {
    short_recorder r;
    r.hears("a", frame::hello, hello_of("auth", 5));
    for (int n = 0; n < others; ++n) r.took(start, received(1));
    const auto all = read(r);
    std::size_t found = all.known.size();
    for (const auto& e : all.events) found += e.header.type == frame::hello ? 1 : 0;
    EXPECT_EQ(found, 1u) << others;
  }
}

TEST(flight_table, a_new_register_takes_the_place_of_the_old_one_and_its_credit) {
  short_recorder r;
  r.hears("a", frame::hello, hello_of("auth", 5));
  r.hears("a", frame::registration, capacity_of(8), "auth");
  r.hears("a", frame::registration, capacity_of(8), "log");
  r.hears("a", frame::credit, capacity_of(4), "auth");
  r.hears("a", frame::registration, capacity_of(9), "auth");
  const auto all = r.pushed();
  EXPECT_EQ(names(all), (texts{"a hello ", "a register auth", "a register log"}));
  EXPECT_EQ(decode_capacity(all.known[1].body)->capacity, 9u);
}

TEST(flight_table, who_is_gone_is_forgotten) {
  short_recorder r;
  for (const auto* who : {"a", "b", "c", "d"}) {
    r.hears(who, frame::hello, hello_of(who, static_cast<unsigned char>(*who)));
    r.hears(who, frame::registration, capacity_of(8), "auth");
  }
  r.says("a", frame::goodbye);
  r.says("b", frame::reset);
  r.took(start, peer_gone{"c", false});
  EXPECT_EQ(names(r.pushed()), (texts{"d hello ", "d register auth"}));
  r.hears("e", frame::hello, hello_of("d", 'd'));
  EXPECT_EQ(names(r.pushed()), (texts{"e hello "})) << "the same link over a new connection";
}

TEST(flight_table, what_is_said_again_or_by_a_stranger_or_of_a_call_changes_nothing) {
  short_recorder r;
  r.hears("a", frame::hello, hello_of("auth", 5));
  r.hears("a", frame::registration, capacity_of(8), "auth");
  r.hears("a", frame::registration, capacity_of(9), "auth");
  r.took(start, frame_received{"a", numbered(frame::registration, 2, "auth"), capacity_of(8)});
  r.took(start, frame_received{"a", numbered(frame::hello, 1), hello_of("auth", 5)});
  r.hears("stranger", frame::registration, capacity_of(9), "auth");
  auto of_call = numbered(frame::credit, 90, "auth");
  of_call.cid = {7, 7};
  r.took(start, frame_received{"a", of_call, capacity_of(1)});
  const auto all = r.pushed();
  EXPECT_EQ(names(all), (texts{"a hello ", "a register auth"}));
  EXPECT_EQ(decode_capacity(all.known[1].body)->capacity, 9u);
}

TEST(flight_table, who_does_not_fit_is_left_out_whole_and_counted) {
  short_recorder r(1024);
  for (int n = 0; n < 10; ++n) {
    const auto who = "p" + std::to_string(n);
    r.hears(who, frame::hello, hello_of(who, 100u + static_cast<unsigned>(n)));
  }
  const auto all = r.pushed();
  EXPECT_EQ(all.known.size() + all.left_out, 10u);
  EXPECT_GE(all.known.size(), 4u);
  r.hears("p0", frame::registration, make_body(std::string(500, 'x')), "auth");
  const auto more = r.pushed();
  EXPECT_EQ(more.left_out, all.left_out + 1);
  EXPECT_EQ(more.known.size(), all.known.size() - 1) << "not half a peer";
}

TEST(flight_table, who_comes_and_goes_for_ever_needs_no_more_room) {
  short_recorder r(2048);
  r.hears("stays", frame::hello, hello_of("stays", 1));
  for (unsigned n = 2; n < 1000; ++n) {
    r.hears("p", frame::hello, hello_of(std::string(n % 50, 'x'), n));
    r.hears("p", frame::heartbeat, make_body(std::string(n % 90, 'b')));
    if (n % 2 == 0) r.took(start, peer_gone{"p", false});
  }
  const auto all = r.pushed();
  EXPECT_EQ(names(all), (texts{"stays hello ", "p hello ", "p heartbeat "}));
  EXPECT_EQ(all.known[0].peer, "stays");
  EXPECT_EQ(decode_hello(all.known[1].body)->incarnation, 999u);
  EXPECT_EQ(all.left_out, 0u);
}

TEST(flight_table, a_hello_whose_body_is_no_longer_there_is_left_out) {
  short_recorder r(4096, 64);
  r.hears("a", frame::hello, hello_of("auth", 5));
  r.hears("b", frame::heartbeat, make_body(std::string(60, 'x')));
  const auto all = r.pushed();
  EXPECT_TRUE(all.known.empty());
  EXPECT_EQ(all.left_out, 1u);
}

TEST(flight_table, one_that_was_being_changed_is_not_trusted) {
  short_recorder r;
  r.hears("a", frame::hello, hello_of("auth", 5));
  r.pushed();
  auto bytes = bytes_of(r);
  ++bytes[offsetof(flight_head, known_changes)];
  const auto all = read_flight(bytes);
  ASSERT_TRUE(all);
  EXPECT_FALSE(all->is_known_whole);
  EXPECT_TRUE(all->known.empty());
  EXPECT_EQ(all->events.size(), 3u);
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
  other[8] = 3;
  EXPECT_EQ(read_flight(other).error().code, errc::version);
  other[8] = 1;
  const auto earlier = read_flight(other);
  ASSERT_FALSE(earlier);
  EXPECT_EQ(earlier.error().code, errc::version);
  EXPECT_TRUE(earlier.error().message.contains("in format 1; this one reads format 2"))
      << earlier.error().message;
}

TEST(flight_file, numbers_that_lie_are_harmless) {
  flight_recorder r(10, 100, 1024);
  r.took(start, frame_received{"n", numbered(frame::hello, 1), hello_of("n", 1)});
  for (std::uint64_t n = 2; n < 14; ++n)
    r.took(start, frame_received{"n", numbered(frame::heartbeat, n), make_body("body")});
  ASSERT_EQ(read(r).known.size(), 2u);
  const auto whole = bytes_of(r);
  for (std::size_t at = 8; at < 1200; at += 4)
    for (const char value : {'\x00', '\x7f', '\xff'}) {
      auto bytes = whole;
      std::memset(bytes.data() + at, value, 4);
      if (const auto read = read_flight(bytes)) {
        EXPECT_LE(read->events.size(), 10u);
        EXPECT_LE(read->known.size(), 1024 / sizeof(flight_known));
      }
    }
}

} // namespace
} // namespace troupe::wire
