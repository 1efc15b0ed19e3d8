// Goal: a flight recording is readable by people and by programs. Method: the pure lines.
#include "runtime/cli/flight_text.hpp"
#include "broker/frame_bodies.hpp"

#include <gtest/gtest.h>

namespace troupe::cli {
namespace {

using namespace std::chrono_literals;
using wire::flight_event;
using wire::flight_kind;

flight_event request() {
  flight_event out;
  out.kind = flight_kind::received;
  out.at = 1'500'000us;
  out.peer = std::string("\0\x01\x02\x03\x04", 5);
  out.header.type = wire::frame::request;
  out.header.cid = {0xab, 0x10};
  out.header.svc = "prompt.chat/v1";
  out.header.flags = wire::streamed;
  out.header.ttl_ms = 60'000;
  out.body_size = 812;
  return out;
}

TEST(flight_text, a_frame_is_a_line_with_what_is_in_its_header) {
  EXPECT_EQ(flight_line(request()),
            "      1.500000  -> 0001020304          request     00000000000000ab-10               "
            "prompt.chat/v1 flags=4 ttl_ms=60000 prio=2 body=812");
  auto out = request();
  out.kind = flight_kind::sent;
  out.peer = "c12";
  out.header = {};
  out.header.type = wire::frame::ping;
  out.body_size = 0;
  EXPECT_EQ(flight_line(out), "      1.500000  <- c12                 ping");
}

TEST(flight_text, what_else_happened_is_a_line_too) {
  flight_event gone;
  gone.kind = flight_kind::peer_gone;
  gone.peer = "c3";
  gone.is_full = true;
  EXPECT_EQ(flight_line(gone), "      0.000000  !  peer_gone         c3 full");
  flight_event time;
  time.kind = flight_kind::time_passed;
  EXPECT_EQ(flight_line(time), "      0.000000  !  time_passed");
}

TEST(flight_text, kept_bodies_say_who_came_and_what_it_serves) {
  auto hello = request();
  hello.header = {};
  hello.header.type = wire::frame::hello;
  hello.body = encode(wire::hello_body{"auth\x1b[2J", 1, 1, {}, 1, 1});
  const auto line = flight_line(hello);
  EXPECT_TRUE(line.contains("name=auth")) << line;
  EXPECT_FALSE(line.contains('\x1b')) << line;
  hello.header.type = wire::frame::registration;
  hello.header.svc = "auth";
  hello.body = encode(wire::capacity_body{256, {}});
  EXPECT_TRUE(flight_line(hello).ends_with("auth body=812 capacity=256")) << flight_line(hello);
}

TEST(flight_text, json_has_the_same) {
  EXPECT_EQ(flight_json(request()),
            R"({"at_ns":1500000000,"kind":"received","peer":"0001020304","type":"request",)"
            R"("call":"00000000000000ab-10","svc":"prompt.chat/v1","flags":4,"hop":0,"prio":2,)"
            R"("ttl_ms":60000,"seq":0,"body_bytes":812})");
}

TEST(flight_text, the_title_says_whose_it_is_and_what_is_lost) {
  wire::flight all;
  all.name = "broker";
  all.address = "tcp://127.0.0.1:7700";
  all.incarnation = 0xb0;
  all.began_ms = 1'700'000'000'000;
  all.events.resize(3);
  EXPECT_EQ(flight_title(all),
            "# broker at tcp://127.0.0.1:7700, instance 00000000000000b0, began "
            "2023-11-14T22:13:20Z\n# 3 events\n");
  all.lost = 7;
  EXPECT_TRUE(flight_title(all).ends_with(
      "# 3 events, 7 before them are lost, of which 0 still hold and come first\n"));
  all.known.resize(2);
  all.left_out = 4;
  EXPECT_TRUE(flight_title(all).ends_with("2 still hold and come first; 4 peers are left out\n"));
  all.is_known_whole = false;
  all.left_out = 0;
  EXPECT_TRUE(flight_title(all).ends_with("of which what still holds is lost too\n"));
}

} // namespace
} // namespace troupe::cli
