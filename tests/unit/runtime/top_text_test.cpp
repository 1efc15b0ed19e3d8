// Goal: `troupe top` shows what an operator looks for. Method: the pure text, against a golden one.
#include "runtime/cli/top_text.hpp"

#include <gtest/gtest.h>

namespace troupe::cli {
namespace {

topology cluster() {
  topology out;
  out.brokers.reserve(2), out.nodes.reserve(2); // the references stay
  auto& b = out.brokers.emplace_back();
  b.address = "tcp://127.0.0.1:7700";
  b.name = "broker";
  b.instance = "00000000000000b0";
  b.answered = true;
  b.uptime_ms = 7'260'000;
  b.nodes = 2;
  b.in_flight = 3;
  b.waiting = 1;
  b.streams = 1;
  b.requests = 100;
  b.dead_letters = 2;
  b.dropped = {{"malformed", 0}, {"unknown_call", 8}};
  auto& silent = out.brokers.emplace_back();
  silent.address = "tcp://127.0.0.1:7701";
  silent.detail = "no answer in time";
  auto& n = out.nodes.emplace_back();
  n.name = "auth";
  n.instance = "00000000000000aa";
  n.services = {"auth", "keys"};
  n.brokers = {"tcp://127.0.0.1:7700"};
  n.heard_ms = 450;
  n.stuck_ms = 6200;
  n.credit = 512;
  n.in_flight = 3;
  n.streams = 1;
  auto& edge = out.nodes.emplace_back();
  edge.name = "edge";
  edge.instance = "00000000000000ed";
  edge.brokers = n.brokers;
  edge.heard_ms = 90;
  edge.asked = 4;
  edge.draining = true;
  auto& s = out.services.emplace_back();
  s.name = "auth";
  s.workers = 1;
  s.credit = 256;
  s.in_flight = 3;
  s.waiting.normal = 1;
  s.oldest_ms = 65'000;
  s.requests = 90;
  return out;
}

TEST(top_text, shows_brokers_nodes_services_and_drops) {
  EXPECT_EQ(top_text({.now = cluster()}),
            R"(2 brokers  2 nodes  1 services    in flight 3  waiting 1  streams 1  dead letters 2

BROKER                NAME    UP     NODES  IN FLIGHT  WAITING  STREAMS  REQ/S  DEAD LETTERS  STATE
tcp://127.0.0.1:7700  broker  2h01m  2      3          1        1        -      2             ok
tcp://127.0.0.1:7701  -       -      -      -          -        -        -      -             silent: no answer in time

NODE  INSTANCE          SERVES     BROKERS  HEARD  CREDIT  IN FLIGHT  ASKED  STREAMS  STATE
auth  00000000000000aa  auth keys  1        450ms  512     3          0      1        stuck 6s
edge  00000000000000ed  -          1        90ms   0       0          4      0        draining

SERVICE  WORKERS  CREDIT  IN FLIGHT  WAITING  CONTROL/INTERACTIVE/NORMAL/BATCH  OLDEST  REQ/S
auth     1        256     3          1        0/0/1/0                           1m05s   -

DROPPED       FRAMES  PER SECOND
unknown_call  8       -
)");
}

TEST(top_text, rates_are_differences_and_none_where_a_process_began_anew) {
  const auto before = cluster();
  auto now = cluster();
  now.brokers[0].requests = 105;
  now.services[0].requests = 92;
  now.brokers[0].dropped[1].count = 9;
  auto text = top_text({.now = now, .before = &before, .seconds = 2});
  EXPECT_TRUE(text.contains("1        2.5    2             ok\n")) << text;
  EXPECT_TRUE(text.contains("1m05s   1.0\n")) << text;
  EXPECT_TRUE(text.contains("unknown_call  9       0.5\n")) << text;
  now.brokers[0].instance = "00000000000000b1";
  now.services[0].requests = 3;
  now.brokers[0].dropped[1].count = 1;
  text = top_text({.now = now, .before = &before, .seconds = 2});
  EXPECT_TRUE(text.contains("1        -      2             ok\n")) << text;
  EXPECT_TRUE(text.contains("1m05s   -\n")) << text;
  EXPECT_TRUE(text.contains("unknown_call  1       -\n")) << text;
}

TEST(top_text, one_process_has_no_table_of_brokers_and_nothing_dropped_none_of_drops) {
  topology one;
  one.nodes.emplace_back().name = "all";
  const auto text = top_text({.now = one});
  EXPECT_TRUE(text.starts_with("0 brokers  1 nodes  0 services")) << text;
  EXPECT_FALSE(text.contains("BROKER  ")) << text;
  EXPECT_FALSE(text.contains("DROPPED")) << text;
}

TEST(top_text, a_terminal_gets_as_many_nodes_as_fit_and_the_rest_is_counted) {
  topology many;
  for (int n = 0; n < 30; ++n) many.nodes.emplace_back().name = "n" + std::to_string(n);
  many.more_nodes = 5;
  const auto text = top_text({.now = many, .nodes_max = 10});
  EXPECT_TRUE(text.contains("\nn9 ")) << text;
  EXPECT_FALSE(text.contains("\nn10 ")) << text;
  EXPECT_TRUE(text.contains("\nand 25 more nodes\n")) << text;
}

TEST(top_text, what_peers_call_themselves_does_not_steer_the_terminal) {
  topology shape;
  shape.nodes.emplace_back().name = "\x1b[2Jevil";
  shape.nodes[0].services = {std::string(200, 'x')};
  const auto text = top_text({.now = shape});
  EXPECT_FALSE(text.contains('\x1b')) << text;
  EXPECT_FALSE(text.contains(std::string(50, 'x'))) << text;
}

} // namespace
} // namespace troupe::cli
