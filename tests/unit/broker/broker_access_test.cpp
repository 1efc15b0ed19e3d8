// Goal: on encrypted links a peer does what the access table gives its key, and nothing else,
// whatever it says of itself. Method: as broker_state_test.cpp; keys are words.
#include "messages/base/log.hpp"
#include "tests/unit/broker/broker_fixture.hpp"

#include <algorithm>

namespace troupe::wire {
namespace {

std::vector<std::string> logged;

void keep_line(log::level, std::string_view event, std::initializer_list<log::field> fields) {
  std::string line(event);
  for (const auto& f : fields) line += " " + std::string(f.name) + "=" + f.value;
  logged.push_back(std::move(line));
}

class broker_access : public broker {
protected:
  broker_access() {
    logged.clear();
    log::install(keep_line, log::level::info);
    change(rules());
  }

  static std::vector<access_rule> rules() {
    return {{"edges", {"edge-key", "edge-key-2"}, {}, {"router"}, {}, {}},
            {"routers", {"router-key"}, {"router"}, {"*"}, {}, {}},
            {"auths", {"auth-key"}, {"auth", "keys"}, {}, {}, {}}};
  }
  static std::vector<access_rule> without(const std::string& principal) {
    auto left = rules();
    std::erase_if(left, [&](const auto& r) { return r.principal == principal; });
    return left;
  }
  void change(std::vector<access_rule> to) {
    happen(access_changed{std::make_shared<access_table>(std::move(to))});
  }
  void say(const peer_id& from, const std::string& key, envelope e, std::string body = {}) {
    if (e.mid.counter == 0) e.mid.counter = ++numbered_ | 1ull << 63;
    for (auto& f : feed(frame_received{from, std::move(e), make_body(std::move(body)), key}))
      inbox_[f.to].push_back(std::move(f));
  }
  void say(const peer_id& from, const std::string& key, frame type, std::string svc = {},
           std::string body = {}) {
    envelope e;
    e.type = type;
    e.svc = std::move(svc);
    say(from, key, std::move(e), std::move(body));
  }
  void greet(const peer_id& name, const std::string& key, const std::string& role,
             std::uint64_t incarnation = 0) {
    hello_body hello;
    hello.name = name;
    hello.incarnation = incarnations_[name] =
        incarnation != 0 ? incarnation : incarnations_.size() + 1;
    hello.link = 1;
    hello.roles = {role};
    say(name, key, frame::hello, {}, encode(hello));
  }
  void serve(const peer_id& name, const std::string& key, const std::string& service) {
    say(name, key, frame::registration, service, encode(capacity_body{4}));
  }
  /// Welcomed and registered, with an empty inbox.
  void enter(const peer_id& name, const std::string& key, const std::string& role,
             const std::vector<std::string>& services = {}) {
    greet(name, key, role);
    EXPECT_EQ(type_to(name), frame::welcome);
    for (const auto& service : services) {
      serve(name, key, service);
      EXPECT_EQ(type_to(name), frame::registered) << service;
    }
  }
  call_id request(const peer_id& from, const std::string& key, const std::string& method,
                  const std::string& principal = {}) {
    envelope e;
    e.type = frame::request;
    e.cid = e.mid = {incarnations_[from], ++asked_};
    e.svc = method;
    e.caller = "who";
    e.principal = principal;
    say(from, key, e, "question");
    return e.cid;
  }
  static std::size_t lines_with(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(logged, [&](const auto& line) { return line.contains(text); }));
  }
};

constexpr frame none{};

TEST_F(broker_access, a_key_that_is_not_in_the_table_is_not_answered) {
  greet("stranger", "other-key", "router");
  say("stranger", "other-key", frame::heartbeat);
  EXPECT_EQ(type_to("stranger"), none);
  EXPECT_EQ(state_.peers(), 0u);
  EXPECT_EQ(state_.counts().barred, 2u);
}

TEST_F(broker_access, a_connection_without_a_key_is_not_answered_either) {
  greet("plain", "", "auth");
  EXPECT_EQ(type_to("plain"), none);
  EXPECT_EQ(state_.peers(), 0u);
}

TEST_F(broker_access, a_service_that_a_principal_may_not_serve_is_refused_by_name) {
  greet("e", "edge-key", "auth");
  EXPECT_EQ(type_to("e"), frame::welcome);
  serve("e", "edge-key", "auth");
  const auto why = error_to("e");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::forbidden);
  EXPECT_EQ(why->message, "'edges' may not serve 'auth'");
  enter("r", "router-key", "router", {"router"});
  request("r", "router-key", "auth.me/v1");
  EXPECT_EQ(error_to("r")->code, errc::unavailable) << "nobody serves it";
}

TEST_F(broker_access, a_service_that_a_principal_may_not_call_is_refused_and_nothing_began) {
  enter("a", "auth-key", "auth", {"auth", "keys"});
  request("a", "auth-key", "log.list/v1");
  const auto why = error_to("a");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::forbidden);
  EXPECT_EQ(why->started, started_state::no);
  EXPECT_EQ(why->message, "'auths' may not call 'log'");
  EXPECT_EQ(state_.in_flight(), 0u);
}

TEST_F(broker_access, who_serves_something_may_ask_its_like) {
  enter("a", "auth-key", "auth", {"auth", "keys"});
  request("a", "auth-key", "keys.list/v1");
  EXPECT_EQ(type_to("a"), frame::request);
}

TEST_F(broker_access, how_the_broker_stands_is_told_to_routers_and_to_who_may_call_stats) {
  auto more = rules();
  more.push_back({"watchers", {"watch-key"}, {}, {"stats"}, {}, {}});
  change(more);
  enter("r", "router-key", "router", {"router"});
  enter("watch", "watch-key", "demo");
  enter("e", "edge-key", "edge");
  for (const auto* peer : {"r", "watch", "e"})
    say(peer,
        std::string(peer) == "r"   ? "router-key"
        : std::string(peer) == "e" ? "edge-key"
                                   : "watch-key",
        frame::stats);
  EXPECT_EQ(type_to("r"), frame::stats);
  EXPECT_EQ(type_to("watch"), frame::stats);
  const auto why = error_to("e");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::forbidden);
  EXPECT_EQ(why->message, "'edges' may not call 'stats'");
  EXPECT_EQ(state_.view().nodes.at(0).principal, "edges");
}

TEST_F(broker_access, only_who_may_tap_looks_on) {
  auto more = rules();
  more.push_back({"watchers", {"watch-key"}, {}, {}, {}, {}, true});
  change(more);
  enter("r", "router-key", "router", {"router"});
  enter("watch", "watch-key", "tap");
  say("watch", "watch-key", frame::tap, {}, encode(tap_body{}));
  EXPECT_EQ(type_to("watch"), frame::tap);
  say("r", "router-key", frame::tap, {}, encode(tap_body{}));
  const auto why = error_to("r");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::forbidden);
  EXPECT_EQ(why->message, "'routers' may not tap");
  EXPECT_EQ(lines_with("what=tap"), 1u);
  more.back().may_tap = false;
  change(more);
  request("r", "router-key", "auth.me/v1");
  EXPECT_EQ(type_to("watch"), none) << "a right that is taken away ends what it gave";
}

TEST_F(broker_access, a_refusal_is_counted_each_time_and_logged_once) {
  enter("a", "auth-key", "auth");
  for (int n = 0; n < 5; ++n) request("a", "auth-key", "log.list/v1");
  request("a", "auth-key", "prompt.chat/v1");
  EXPECT_EQ(state_.counts().forbidden, 6u);
  EXPECT_EQ(lines_with("broker.forbidden"), 2u);
  EXPECT_EQ(lines_with("principal=auths node=a what=call service=log"), 1u);
}

TEST_F(broker_access, one_that_asks_for_ever_new_things_does_not_fill_the_log) {
  enter("a", "auth-key", "auth");
  for (int n = 0; n < 1000; ++n) request("a", "auth-key", "s" + std::to_string(n) + ".x/v1");
  EXPECT_EQ(state_.counts().forbidden, 1000u);
  EXPECT_EQ(lines_with("broker.forbidden"), 32u);
}

TEST_F(broker_access, what_a_delegated_request_asks_for_must_be_allowed_too) {
  enter("a", "auth-key", "auth", {"auth"});
  enter("r", "router-key", "router", {"router"});
  auto only_auth = rules();
  only_auth[1].may_call = {"auth"};
  change(only_auth);
  enter("e", "edge-key", "edge");
  for (const std::string method : {"auth.me/v1", "keys.list/v1"}) {
    const auto cid = request("e", "edge-key", "router." + method);
    ASSERT_EQ(type_to("r"), frame::request);
    envelope on;
    on.type = frame::request;
    on.flags = delegated;
    on.cid = cid;
    on.svc = method;
    on.hop = 1;
    say("r", "router-key", on, "question");
  }
  EXPECT_EQ(type_to("a"), frame::request);
  const auto why = error_to("e");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::forbidden);
  EXPECT_EQ(why->message, "'routers' may not call 'keys'");
}

TEST_F(broker_access, a_role_that_is_claimed_gives_nothing) {
  enter("r", "router-key", "router", {"router"});
  enter("a", "auth-key", "auth", {"auth"});
  enter("e", "edge-key", "router");
  request("e", "edge-key", "auth.me/v1");
  EXPECT_EQ(type_to("a"), none);
  const auto asked = next("r");
  ASSERT_TRUE(asked) << "it reaches routers only";
  EXPECT_EQ(asked->header.caller, "") << "and may not say who the caller is";
}

TEST_F(broker_access, a_role_that_is_not_claimed_is_a_principals_all_the_same) {
  enter("a", "auth-key", "auth", {"auth"});
  enter("r", "router-key", "something");
  request("r", "router-key", "auth.me/v1");
  const auto asked = next("a");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->header.caller, "who");
}

TEST_F(broker_access, a_request_carries_whose_it_is_whatever_it_says) {
  enter("a", "auth-key", "auth", {"auth"});
  enter("r", "router-key", "router", {"router"});
  request("r", "router-key", "auth.me/v1", "admins");
  EXPECT_EQ(next("a")->header.principal, "routers");
}

TEST_F(broker, without_a_table_a_request_carries_no_principal) {
  join("w", "auth", {{"auth", 2}});
  join("c", "prompt");
  envelope e;
  e.type = frame::request;
  e.cid = e.mid = {incarnations_["c"], 1};
  e.svc = "auth.me/v1";
  e.principal = "admins";
  receive("c", e);
  EXPECT_EQ(next("w")->header.principal, "");
}

TEST_F(broker_access, who_is_no_longer_in_the_table_is_cut_off_and_its_calls_end) {
  enter("a", "auth-key", "auth", {"auth"});
  enter("r", "router-key", "router", {"router"});
  request("r", "router-key", "auth.me/v1");
  ASSERT_EQ(type_to("a"), frame::request);
  change(without("auths"));
  EXPECT_EQ(type_to("a"), frame::goodbye);
  EXPECT_EQ(error_to("r")->code, errc::worker_lost);
  EXPECT_EQ(state_.peers(), 1u);
  EXPECT_EQ(lines_with("broker.revoked principal=auths node=a key=auth-key"), 1u);
  greet("a", "auth-key", "auth");
  serve("a", "auth-key", "auth");
  EXPECT_EQ(type_to("a"), none);
  EXPECT_EQ(state_.counts().barred, 2u);
  request("r", "router-key", "auth.me/v1");
  EXPECT_EQ(error_to("r")->code, errc::unavailable);
}

TEST_F(broker_access, of_two_keys_one_can_be_taken_away) {
  enter("e1", "edge-key", "edge");
  enter("e2", "edge-key-2", "edge");
  auto left = rules();
  left[0].public_keys = {"edge-key-2"};
  change(left);
  EXPECT_EQ(type_to("e1"), frame::goodbye);
  EXPECT_EQ(type_to("e2"), none);
  EXPECT_EQ(state_.peers(), 1u);
}

TEST_F(broker_access, who_may_serve_other_services_now_starts_anew) {
  enter("a", "auth-key", "auth", {"auth", "keys"});
  enter("e", "edge-key", "edge");
  auto fewer = rules();
  fewer[2].may_register = {"auth"};
  change(fewer);
  EXPECT_EQ(type_to("a"), frame::reset);
  EXPECT_EQ(type_to("e"), none);
  greet("a", "auth-key", "auth");
  EXPECT_EQ(type_to("a"), frame::welcome);
  serve("a", "auth-key", "keys");
  EXPECT_EQ(error_to("a")->code, errc::forbidden);
}

TEST_F(broker_access, who_may_call_other_services_now_goes_on) {
  enter("r", "router-key", "router", {"router"});
  enter("a", "auth-key", "auth", {"auth"});
  request("r", "router-key", "auth.me/v1");
  EXPECT_EQ(type_to("a"), frame::request);
  auto fewer = rules();
  fewer[1].may_call = {"keys"};
  change(fewer);
  EXPECT_EQ(type_to("r"), none);
  request("r", "router-key", "auth.me/v1");
  EXPECT_EQ(error_to("r")->code, errc::forbidden);
}

TEST_F(broker_access, a_connection_under_the_name_of_another_is_not_taken_for_it) {
  enter("r", "router-key", "router", {"router"});
  enter("a", "auth-key", "auth", {"auth"});
  request("r", "edge-key", "auth.me/v1");
  EXPECT_EQ(type_to("a"), none);
  EXPECT_EQ(type_to("r"), frame::reset);
  EXPECT_EQ(state_.peers(), 1u);
}

TEST_F(broker_access, nobody_is_taken_for_a_process_of_another_key) {
  enter("r", "router-key", "router", {"router"});
  greet("e", "edge-key", "edge", incarnations_["r"]);
  EXPECT_EQ(error_to("e")->code, errc::forbidden);
  EXPECT_EQ(state_.peers(), 1u);
  EXPECT_EQ(lines_with("principal=edges node=e what=take the place of service=r"), 1u);
}

} // namespace
} // namespace troupe::wire
