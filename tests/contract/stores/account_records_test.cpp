// Goal: sessions, keys, one-time tokens, caps and signing keys keep the contracts of
// actors/ports/{session_store,api_key_store,identity_records}.hpp. Method: one suite of calls and
// answers on every adapter of the accounts.
#include "tests/contract/stores/account_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace troupe::test {
namespace {

using names = std::vector<std::string>;

class account_records_contract : public account_suite {
protected:
  names sessions_of(const std::string& user_id, std::int64_t now = 0) {
    names out;
    for (const auto& row : value_of(ask<std::vector<session_row>>(
             [&](auto r) { in_.sessions->list_sessions(user_id, now, std::move(r)); })))
      out.push_back(row.id);
    return out;
  }
  result<done> put(const std::string& hash, std::int64_t created, bool only_one = false) {
    one_time_row row{hash, "recovery", "u1", "a@x.org", {R"({"a":1})"}, created, created + 60};
    return ask<done>([&](auto r) { in_.one_time->put(row, only_one, std::move(r)); });
  }
  result<one_time_row> take(const std::string& hash, std::int64_t now = 0,
                            const std::string& kind = "recovery") {
    return ask<one_time_row>([&](auto r) { in_.one_time->take(kind, hash, now, std::move(r)); });
  }
  std::vector<signing_key_row> signing_keys(std::int64_t now) {
    return value_of(ask<std::vector<signing_key_row>>(
        [&](auto r) { in_.secrets->signing_keys(now, std::move(r)); }));
  }
};
TROUPE_ON_EVERY_ACCOUNT_ADAPTER(account_records_contract);

TEST_P(account_records_contract, sessions_are_listed_newest_first_while_they_live) {
  auto one = session("s1"), two = session("s2"), old = session("s3"), other = session("s4", "u2");
  two.created_at = 200;
  two.address = "203.0.113.7";
  two.user_agent = "Firefox";
  old.expires_at = 1000;
  for (const auto& row : {one, two, old, other}) ASSERT_TRUE(insert(row));
  EXPECT_EQ(sessions_of("u1", 1000), (names{"s2", "s1"}));
  const auto found = value_of(session_by_id("s2"));
  EXPECT_EQ(found.created_at, 200);
  EXPECT_EQ(found.method, "password");
  EXPECT_EQ(found.address, "203.0.113.7");
  EXPECT_EQ(found.user_agent, "Firefox");
}

TEST_P(account_records_contract, one_session_or_all_others_or_all_are_revoked) {
  for (const char* id : {"s1", "s2", "s3", "s4"}) ASSERT_TRUE(insert(session(id)));
  ASSERT_TRUE(insert(session("t1", "u2")));
  const auto revoke = [&](const std::string& user_id, const std::string& id) {
    return ask<done>([&](auto r) { in_.sessions->revoke_session(user_id, id, std::move(r)); });
  };
  const auto revoke_but = [&](const std::string& except) {
    auto ids = value_of(
        ask<names>([&](auto r) { in_.sessions->revoke_sessions("u1", except, std::move(r)); }));
    std::ranges::sort(ids);
    return ids;
  };
  EXPECT_TRUE(fails_with(revoke("u2", "s1"), errc::not_found));
  EXPECT_TRUE(revoke("u1", "s1"));
  EXPECT_TRUE(revoke("u1", "s1"));
  EXPECT_TRUE(value_of(session_by_id("s1")).revoked);
  EXPECT_EQ(revoke_but("s2"), (names{"s3", "s4"}));
  EXPECT_EQ(sessions_of("u1"), (names{"s2"}));
  EXPECT_EQ(revoke_but(""), (names{"s2"}));
  EXPECT_EQ(sessions_of("u1"), names{});
  EXPECT_EQ(sessions_of("u2"), (names{"t1"}));
}

TEST_P(account_records_contract, expired_sessions_go_with_their_spent_tokens) {
  auto old = session("s1");
  old.expires_at = 900;
  ASSERT_TRUE(insert(old));
  ASSERT_TRUE(insert(session("s2")));
  ASSERT_TRUE(ask<done>(
      [&](auto r) { in_.sessions->rotate("s1", "hash-s1", "next", 1, 950, std::move(r)); }));
  const auto drop = [&](std::int64_t now) {
    return value_of(
        ask<std::int64_t>([&](auto r) { in_.sessions->drop_expired(now, std::move(r)); }));
  };
  EXPECT_EQ(drop(950), 0);
  EXPECT_EQ(drop(951), 1);
  EXPECT_TRUE(fails_with(
      ask<session_row>([&](auto r) { in_.sessions->session_by_refresh("hash-s1", std::move(r)); }),
      errc::not_found));
  EXPECT_TRUE(session_by_id("s2"));
}

TEST_P(account_records_contract, a_key_changes_in_what_is_given_and_remembers_its_use) {
  auto key = api_key("key_1", "u1");
  key.scopes = {"chat", "logs:read"};
  key.organization = "org_1";
  ASSERT_TRUE(ask<done>([&](auto r) { in_.keys->insert_key(key, std::move(r)); }));
  const auto change = [&](const std::string& user_id, api_key_change what) {
    return ask<api_key_row>(
        [&](auto r) { in_.keys->change_key(user_id, "key_1", what, std::move(r)); });
  };
  EXPECT_TRUE(fails_with(change("u2", {}), errc::not_found));
  EXPECT_EQ(value_of(change("u1", {.name = "new", .scopes = {}, .expires_at = 5'000'000'000})).name,
            "new");
  ASSERT_TRUE(
      ask<done>([&](auto r) { in_.keys->touch_key("key_1", 4'000'000'000, std::move(r)); }));
  const auto found =
      value_of(ask<api_key_row>([&](auto r) { in_.keys->key_by_id("u1", "key_1", std::move(r)); }));
  EXPECT_EQ(found.scopes, (names{"chat", "logs:read"}));
  EXPECT_EQ(found.expires_at, 5'000'000'000);
  EXPECT_EQ(found.last_used_at, 4'000'000'000);
  EXPECT_EQ(found.organization, "org_1");
  EXPECT_EQ(value_of(change("u1", {.name = {}, .scopes = names{}, .expires_at = {}})).scopes,
            names{});
}

TEST_P(account_records_contract, a_one_time_token_is_taken_once_and_in_time) {
  ASSERT_TRUE(put("h1", 100));
  EXPECT_TRUE(fails_with(take("h1", 0, "confirm"), errc::not_found));
  const auto row = value_of(take("h1", 159));
  EXPECT_EQ(row.email, "a@x.org");
  EXPECT_EQ(row.extra.raw, R"({"a":1})");
  EXPECT_TRUE(fails_with(take("h1"), errc::not_found));
  ASSERT_TRUE(put("h2", 100));
  EXPECT_TRUE(fails_with(take("h2", 160), errc::not_found));
  ASSERT_TRUE(put("h3", 100));
  ASSERT_TRUE(put("h4", 200, true));
  EXPECT_TRUE(fails_with(take("h3"), errc::not_found));
  EXPECT_EQ(value_of(ask<one_time_row>([&](auto r) {
              in_.one_time->newest("recovery", "u1", std::move(r));
            })).hash,
            "h4");
  EXPECT_EQ(
      value_of(ask<std::int64_t>([&](auto r) { in_.one_time->drop_expired(261, std::move(r)); })),
      1);
}

TEST_P(account_records_contract, of_many_who_take_a_token_at_once_one_gets_it) {
  ASSERT_TRUE(put("h1", 100));
  std::atomic<int> got = 0;
  std::vector<std::jthread> askers;
  for (int i = 0; i < 8; ++i) askers.emplace_back([&] { got += take("h1").has_value() ? 1 : 0; });
  askers.clear();
  EXPECT_EQ(got, 1);
}

TEST_P(account_records_contract, caps_are_kept_until_they_are_all_nought) {
  const caps_row caps{"user:u1", 100, 5'000'000'000, 3, 7};
  const auto put_caps = [&](const caps_row& row) {
    ASSERT_TRUE(ask<done>([&](auto r) { in_.caps->put_caps(row, std::move(r)); }));
  };
  const auto caps_of = [&] {
    return value_of(ask<std::vector<caps_row>>(
        [&](auto r) { in_.caps->caps_of({"user:u1", "user:u2"}, std::move(r)); }));
  };
  put_caps({.subject = "user:u1", .streams = 1});
  put_caps(caps);
  EXPECT_EQ(caps_of(), std::vector{caps});
  put_caps({.subject = "user:u1"});
  EXPECT_TRUE(caps_of().empty());
}

TEST_P(account_records_contract, a_new_signing_key_sends_those_before_it_into_retirement) {
  const auto add = [&](const std::string& kid, std::int64_t created, std::int64_t others) {
    signing_key_row row{kid, "EdDSA", {std::string(3000, 'k')}, created, 0};
    ASSERT_TRUE(
        ask<done>([&](auto r) { in_.secrets->add_signing_key(row, others, std::move(r)); }));
  };
  add("k1", 100, 0);
  add("k2", 200, 900);
  add("k3", 300, 1000);
  auto keys = signing_keys(500);
  ASSERT_EQ(keys.size(), 3u);
  EXPECT_EQ(keys[0].kid, "k3");
  EXPECT_EQ(keys[0].retires_at, 0);
  EXPECT_EQ(keys[0].key.value, std::string(3000, 'k'));
  EXPECT_EQ(keys[1].retires_at, 1000);
  EXPECT_EQ(keys[2].retires_at, 900);
  EXPECT_EQ(signing_keys(950).size(), 2u);
}

} // namespace
} // namespace troupe::test
