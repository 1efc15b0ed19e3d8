// Goal: several processes share a server's accounts exactly, and a server that goes away is
// `unavailable` until it is back, never a wrong answer. Method: real MariaDB and PostgreSQL servers
// that the test kills and starts, and several stores on each, as several processes would have.
#include "tests/contract/stores/store_fixture.hpp"

#include <atomic>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

namespace troupe::test {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

user_row user(const std::string& id) {
  user_row out;
  out.id = id;
  out.email = id + "@example.org";
  out.created_at = out.updated_at = "2026-01-01T00:00:00Z";
  return out;
}

class sql_server : public store_suite {
protected:
  void SetUp() override {
    store_suite::SetUp();
    if (!IsSkipped()) server().say("fresh");
  }
  sql_server_process& server() { return *server_of(GetParam()); }
  account_stores open() { return value_of(open_auth_stores(config())); }

  static result<user_row> by_id(account_stores& in, const std::string& id) {
    return ask<user_row>([&](auto r) { in.users->user_by_id(id, std::move(r)); });
  }
  static result<done> insert(account_stores& in, user_row row) {
    return ask<done>([&](auto r) { in.users->insert_user(std::move(row), {}, std::move(r)); });
  }
  static result<std::string> secret(account_stores& in, const std::string& candidate) {
    return ask<std::string>(
        [&](auto r) { in.secrets->installation_secret("s", candidate, std::move(r)); });
  }
};
INSTANTIATE_TEST_SUITE_P(on, sql_server, ::testing::Values(adapter::mariadb, adapter::postgresql),
                         adapter_name);

TEST_P(sql_server, processes_that_start_at_once_migrate_it_once) {
  std::vector<std::thread> starting;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 6; ++i)
    starting.emplace_back([&] { opened += open_auth_stores(config()).has_value() ? 1 : 0; });
  for (auto& t : starting) t.join();
  EXPECT_EQ(opened, 6);
  const auto again = value_of(migrate_auth_store(config()));
  EXPECT_EQ(again.before, again.after);
}

TEST_P(sql_server, a_migration_says_where_it_began_and_ended) {
  const auto first = value_of(migrate_auth_store(config()));
  EXPECT_EQ(first.before, 0);
  EXPECT_GT(first.after, 0);
  EXPECT_EQ(first.database.find("p'w"), std::string::npos) << first.database;
  EXPECT_EQ(value_of(migrate_auth_store(config())).before, first.after);
}

TEST_P(sql_server, all_processes_agree_on_a_secret) {
  std::vector<account_stores> nodes;
  for (int i = 0; i < 4; ++i) nodes.push_back(open());
  std::vector<std::thread> asking;
  std::vector<std::string> got(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    asking.emplace_back([&, i] { got[i] = value_of(secret(nodes[i], "of " + std::to_string(i))); });
  for (auto& t : asking) t.join();
  EXPECT_EQ(std::set<std::string>(got.begin(), got.end()).size(), 1u);
}

TEST_P(sql_server, of_many_accounts_with_one_e_mail_one_is_made) {
  auto a = open(), b = open();
  for (int round = 0; round < 20; ++round) {
    auto first = user("a" + std::to_string(round)), second = user("b" + std::to_string(round));
    second.email = first.email;
    result<done> of_b;
    std::thread other([&] { of_b = insert(b, second); });
    const auto of_a = insert(a, first);
    other.join();
    EXPECT_EQ(of_a.has_value() + of_b.has_value(), 1) << round;
    EXPECT_EQ((of_a ? of_b : of_a).error().code, errc::conflict);
  }
}

TEST_P(sql_server, of_many_rotations_of_one_token_one_wins) {
  auto a = open(), b = open();
  session_row session;
  session.id = "s";
  session.user_id = "u";
  session.refresh_hash = "t0";
  session.expires_at = 5'000'000'000;
  value_of(ask<done>([&](auto r) { a.sessions->insert_session(session, std::move(r)); }));
  const auto rotate = [](account_stores& in, const std::string& from, const std::string& to) {
    return ask<done>(
        [&](auto r) { in.sessions->rotate("s", from, to, 1, 5'000'000'000, std::move(r)); });
  };
  std::string current = "t0";
  for (int round = 1; round <= 20; ++round) {
    const auto of_a = "a" + std::to_string(round), of_b = "b" + std::to_string(round);
    result<done> second;
    std::thread other([&] { second = rotate(b, current, of_b); });
    const auto first = rotate(a, current, of_a);
    other.join();
    ASSERT_EQ(first.has_value() + second.has_value(), 1) << round;
    EXPECT_EQ((first ? second : first).error().code, errc::conflict);
    current = first ? of_a : of_b;
  }
}

TEST_P(sql_server, while_it_is_away_calls_are_unavailable_at_once_and_it_heals_by_itself) {
  auto stores = open();
  value_of(insert(stores, user("before")));
  server().say("kill");
  for (int i = 0; i < 20; ++i) {
    const auto began = clock::now();
    const auto read = by_id(stores, "before");
    const auto write = insert(stores, user("while" + std::to_string(i)));
    EXPECT_LT(clock::now() - began, 2s);
    for (const auto& code : {read.error().code, write.error().code})
      EXPECT_EQ(code, errc::unavailable);
    if (i > 0) {
      EXPECT_GT(read.error().retry_after_ms, 0u);
    }
  }
  server().say("start");
  const auto back = clock::now();
  while (!by_id(stores, "before") && clock::now() - back < 5s) std::this_thread::sleep_for(10ms);
  EXPECT_LT(clock::now() - back, 3s);
  value_of(by_id(stores, "before"));
  while (!insert(stores, user("after")) && clock::now() - back < 5s)
    std::this_thread::sleep_for(10ms);
  value_of(by_id(stores, "after"));
}

TEST_P(sql_server, a_connection_that_was_cut_while_idle_is_made_anew_unseen) {
  auto stores = open();
  value_of(insert(stores, user("before")));
  server().say("restart");
  EXPECT_TRUE(by_id(stores, "before"));
  EXPECT_TRUE(insert(stores, user("after")));
}

TEST_P(sql_server, an_acknowledged_account_survives_the_servers_death) {
  auto stores = open();
  std::set<std::string> acknowledged;
  std::thread writing([&] {
    for (int i = 0; i < 2000; ++i) {
      const auto id = "u" + std::to_string(i);
      if (!insert(stores, user(id))) return;
      acknowledged.insert(id);
    }
  });
  std::this_thread::sleep_for(100ms);
  server().say("restart");
  writing.join();
  EXPECT_FALSE(acknowledged.empty());
  auto again = open();
  for (const auto& id : acknowledged) EXPECT_TRUE(by_id(again, id)) << id;
}

TEST_P(sql_server, a_start_without_it_is_an_error_that_names_it_and_not_the_password) {
  server().say("kill");
  const auto opened = open_auth_stores(config());
  server().say("start");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("127.0.0.1"), std::string::npos) << opened.error().message;
  EXPECT_EQ(opened.error().message.find("p'w"), std::string::npos);
}

} // namespace
} // namespace troupe::test
