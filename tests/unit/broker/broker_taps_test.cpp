// Goal: who taps sees what passes, headers first, never more than its rate, and changes nothing.
// Method: the pure state machine under virtual time, with a tap beside the peers.
#include "messages/message_list.hpp"
#include "tests/unit/broker/broker_fixture.hpp"

#include <algorithm>

namespace troupe::wire {
namespace {

class taps : public broker {
protected:
  taps() {
    join("w", "auth", {{"auth", 4}, {"keys", 4}});
    join("c", "prompt");
    join("eye", "tap");
  }
  frame tap(tap_body wish = {}, const peer_id& who = "eye") {
    send(who, frame::tap, {}, encode(wish));
    return type_to(who);
  }
  std::vector<tapped_body> seen(const peer_id& who = "eye") {
    std::vector<tapped_body> out;
    while (const auto f = next(who))
      if (f->header.type == frame::tapped) out.push_back(decode_tapped(bytes_of(f->body)).value());
    return out;
  }
  static std::vector<std::string> told(const std::vector<tapped_body>& all) {
    std::vector<std::string> out;
    for (const auto& t : all)
      out.push_back(std::string(to_string(t.header.type)) + (t.is_sent ? " to " : " from ") +
                    t.peer);
    return out;
  }
};

using lines = std::vector<std::string>;

TEST_F(taps, all_frames_of_a_call_are_shown_as_they_come_and_go) {
  EXPECT_EQ(tap(), frame::tap);
  const auto cid = ask("c", "auth.me/v1");
  send("w", frame::partial, cid, "p", 1);
  send("w", frame::final, cid, "answer", 1);
  const auto all = seen();
  EXPECT_EQ(told(all), (lines{"request from c", "request to w", "partial from w", "partial to c",
                              "final from w", "final to c"}));
  for (const auto& t : all) {
    EXPECT_EQ(t.service, "auth") << to_string(t.header.type);
    EXPECT_EQ(t.header.cid, cid);
    EXPECT_EQ(t.missed, 0u);
    EXPECT_EQ(t.body, "") << "nobody asked for bodies";
  }
  EXPECT_EQ(all[0].body_bytes, 8u);
  EXPECT_EQ(all[0].header.credential, "");
  EXPECT_EQ(all[0].header.caller, "");
}

TEST_F(taps, the_others_get_what_they_would_have_got) {
  tap();
  const auto cid = ask("c", "auth.me/v1");
  EXPECT_EQ(type_to("w"), frame::request);
  send("w", frame::final, cid, "answer");
  const auto f = next("c");
  ASSERT_TRUE(f);
  EXPECT_EQ(f->header.type, frame::final);
  EXPECT_EQ(bytes_of(f->body), "answer");
  EXPECT_EQ(state_.in_flight(), 0u);
}

TEST_F(taps, a_service_and_a_type_may_be_picked_and_link_frames_only_by_type) {
  tap({.service = "keys", .types = {}});
  const auto other = ask("c", "auth.me/v1");
  send("w", frame::final, other, "answer");
  ask("c", "keys.list/v1");
  EXPECT_EQ(told(seen()), (lines{"request from c", "request to w"}));
  tap({.service = {}, .types = {static_cast<std::uint64_t>(frame::heartbeat)}});
  send("w", frame::heartbeat, {});
  ask("c", "auth.me/v1");
  EXPECT_EQ(told(seen()), (lines{"heartbeat from w"}));
}

TEST_F(taps, bodies_come_when_they_are_asked_for_and_are_redacted) {
  login_request login;
  login.email = "ada@example.org";
  login.password.value = "hunter2";
  const auto body = msgpack_codec::encode(login);
  const auto show = [&](std::uint64_t bodies) {
    tap({.service = {}, .types = {static_cast<std::uint64_t>(frame::request)}, .bodies = bodies});
    ask("c", "auth.login/v1", 0, 0, body);
    return seen().at(0).body;
  };
  EXPECT_EQ(show(0), "");
  EXPECT_TRUE(show(1).contains(R"("email":"<15>")"));
  const auto plain = show(2);
  EXPECT_TRUE(plain.contains("ada@example.org")) << plain;
  EXPECT_FALSE(plain.contains("hunter2")) << plain;
}

TEST_F(taps, past_its_rate_frames_are_counted_and_the_tap_is_told) {
  tap({.service = {}, .types = {static_cast<std::uint64_t>(frame::partial)}, .rate = 10});
  const auto cid = ask("c", "auth.me/v1");
  for (std::uint64_t n = 1; n <= 50; ++n) send("w", frame::partial, cid, "p", n);
  EXPECT_EQ(seen().size(), 10u);
  pass(100ms);
  send("w", frame::partial, cid, "p", 51);
  const auto all = seen();
  ASSERT_EQ(all.size(), 1u) << "a tenth of a second's worth";
  EXPECT_EQ(all[0].missed, 90u) << "each passed twice";
}

TEST_F(taps, it_ends_when_it_is_not_asked_for_again_and_when_it_is_enough) {
  tap();
  pass(9s);
  ask("c", "auth.me/v1");
  EXPECT_EQ(seen().size(), 2u);
  pass(2s);
  ask("c", "auth.me/v1");
  EXPECT_EQ(seen().size(), 0u);
  tap();
  EXPECT_EQ(tap({.is_over = true}), frame::tap);
  ask("c", "auth.me/v1");
  EXPECT_EQ(seen().size(), 0u);
}

TEST_F(taps, they_are_bounded_and_go_with_their_peers) {
  for (int n = 1; n < 8; ++n) {
    const auto name = "eye" + std::to_string(n);
    join(name, "tap");
    EXPECT_EQ(tap({}, name), frame::tap);
  }
  EXPECT_EQ(tap(), frame::tap);
  join("eye9", "tap");
  send("eye9", frame::tap, {}, encode(tap_body{}));
  EXPECT_EQ(error_to("eye9")->code, errc::overloaded);
  send("eye1", frame::goodbye, {});
  EXPECT_EQ(tap({}, "eye9"), frame::tap);
}

TEST_F(taps, one_that_taps_taps_and_one_that_hears_them_is_not_shown_them) {
  join("eye2", "tap");
  tap({}, "eye2");
  tap({.service = {}, .types = {27, 28}});
  ask("c", "auth.me/v1");
  EXPECT_EQ(seen().size(), 0u);
  EXPECT_EQ(seen("eye2").size(), 2u);
}

TEST_F(taps, a_wish_that_cannot_be_read_is_refused) {
  send("eye", frame::tap, {}, "\xC1");
  EXPECT_EQ(error_to("eye")->code, errc::invalid_argument);
}

} // namespace
} // namespace troupe::wire
