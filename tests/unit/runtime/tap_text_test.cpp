// Goal: what a tap saw is readable by people and by programs. Method: the pure lines.
#include "runtime/cli/tap_text.hpp"

#include <gtest/gtest.h>

namespace troupe::cli {
namespace {

wire::tapped_body request() {
  wire::tapped_body out;
  out.at_us = 1'500'000;
  out.peer = "edge";
  out.service = "prompt";
  out.header.type = wire::frame::request;
  out.header.cid = {0xab, 0x10};
  out.header.svc = "prompt.chat/v1";
  out.header.ttl_ms = 60'000;
  out.header.request_id = "req_1";
  out.body_bytes = 812;
  return out;
}

TEST(tap_text, a_frame_is_a_line_and_its_body_another) {
  auto in = request();
  EXPECT_EQ(tap_line(in),
            "      1.500000  -> edge                request     00000000000000ab-10               "
            "prompt.chat/v1 ttl_ms=60000 prio=2 body=812");
  in.body = "{\"model\":\"<7>\"}\x1b[2J";
  in.missed = 3;
  const auto text = tap_line(in);
  EXPECT_TRUE(text.starts_with("(3 more were not shown)\n")) << text;
  EXPECT_TRUE(text.contains("\n      {\"model\":\"<7>\"}")) << text;
  EXPECT_FALSE(text.contains('\x1b')) << text;
}

TEST(tap_text, json_has_all_of_it) {
  auto in = request();
  in.body = "{}";
  EXPECT_EQ(
      tap_json("tcp://127.0.0.1:7700", in),
      R"({"at_ns":1500000000,"kind":"received","peer":"edge","type":"request","call":"00000000000000ab-10",)"
      R"("svc":"prompt.chat/v1","flags":0,"hop":0,"prio":2,"ttl_ms":60000,"seq":0,)"
      R"("body_bytes":812,"broker":"tcp://127.0.0.1:7700",)"
      R"("service":"prompt","request_id":"req_1","text":"{}"})");
}

TEST(tap_text, frames_have_names) {
  EXPECT_EQ(frame_type_named("request").value(), 7u);
  EXPECT_EQ(frame_type_named("heartbeat").value(), 16u);
  EXPECT_EQ(frame_type_named("other").error().code, errc::invalid_argument);
  EXPECT_EQ(frame_type_named("").error().code, errc::invalid_argument);
}

} // namespace
} // namespace troupe::cli
