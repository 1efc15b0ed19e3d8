// Goal: every adapter keeps the contract of user_store (actors/ports/user_store.hpp). Method: one
// suite of calls and answers, run on SQLite, on MariaDB, on PostgreSQL and in memory.
#include "tests/contract/stores/store_fixture.hpp"

#include <thread>
#include <vector>

namespace troupe::test {
namespace {

user_row user(const std::string& id, const std::string& email) {
  user_row out;
  out.id = id;
  out.email = email;
  out.name = "Name of " + id;
  out.password_hash = "$argon2id$" + id;
  out.created_at = out.updated_at = "2026-01-01T00:00:00Z";
  return out;
}

session_row session(const std::string& id, const std::string& hash) {
  session_row out;
  out.id = id;
  out.user_id = "u1";
  out.refresh_hash = hash;
  out.rotated_at = 100;
  out.expires_at = 5'000'000'000; // past 32 bits
  return out;
}

class user_store_contract : public store_suite {
protected:
  result<done> insert(user_row row) {
    return ask<done>([&](auto r) { users_->insert_user(row, {}, std::move(r)); });
  }
  result<user_row> by_email(const std::string& email) {
    return ask<user_row>([&](auto r) { users_->user_by_email(email, std::move(r)); });
  }
  result<user_row> by_id(const std::string& id) {
    return ask<user_row>([&](auto r) { users_->user_by_id(id, std::move(r)); });
  }
  result<user_row> first_admin() {
    return ask<user_row>([&](auto r) { users_->first_admin(std::move(r)); });
  }
  result<done> insert(session_row row) {
    return ask<done>([&](auto r) { sessions_->insert_session(row, std::move(r)); });
  }
  result<session_row> session_by_id(const std::string& id) {
    return ask<session_row>([&](auto r) { sessions_->session_by_id(id, std::move(r)); });
  }
  result<session_row> by_refresh(const std::string& hash) {
    return ask<session_row>([&](auto r) { sessions_->session_by_refresh(hash, std::move(r)); });
  }
  result<done> rotate(const std::string& id, const std::string& from, const std::string& to,
                      std::int64_t now) {
    return ask<done>(
        [&](auto r) { sessions_->rotate(id, from, to, now, now + 900, std::move(r)); });
  }
  result<std::string> secret_named(const std::string& name, const std::string& candidate) {
    return ask<std::string>(
        [&](auto r) { stores_.secrets->installation_secret(name, candidate, std::move(r)); });
  }

  account_stores stores_ = open_auth();
  user_store* users_ = stores_.users.get();
  session_store* sessions_ = stores_.sessions.get();
};
TROUPE_ON_EVERY_ACCOUNT_ADAPTER(user_store_contract);

TEST_P(user_store_contract, a_user_is_found_by_id_and_by_email_with_every_field) {
  auto row = user("u1", "Ada@Example.org");
  row.name = "Ada \"Countess\" O'Byron; drop table users -- \xF0\x9F\x8E\xAD";
  row.role = "admin";
  ASSERT_TRUE(insert(row));
  for (const auto& found : {by_id("u1"), by_email("Ada@Example.org")}) {
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->id, row.id);
    EXPECT_EQ(found->email, row.email);
    EXPECT_EQ(found->name, row.name);
    EXPECT_EQ(found->password_hash, row.password_hash);
    EXPECT_EQ(found->role, "admin");
    EXPECT_EQ(found->created_at, row.created_at);
  }
}

TEST_P(user_store_contract, an_email_is_the_same_in_any_case) {
  ASSERT_TRUE(insert(user("u1", "Ada@Example.org")));
  EXPECT_EQ(value_of(by_email("aDA@eXAMPLE.ORG")).email, "Ada@Example.org");
  EXPECT_TRUE(fails_with(insert(user("u2", "ADA@example.org")), errc::conflict, "email"));
  EXPECT_TRUE(fails_with(by_id("u2"), errc::not_found));
}

TEST_P(user_store_contract, an_id_that_is_taken_is_a_conflict_and_changes_nothing) {
  ASSERT_TRUE(insert(user("u1", "a@x.org")));
  EXPECT_TRUE(fails_with(insert(user("u1", "b@x.org")), errc::conflict));
  EXPECT_EQ(value_of(by_id("u1")).email, "a@x.org");
  EXPECT_TRUE(fails_with(by_email("b@x.org"), errc::not_found));
}

TEST_P(user_store_contract, unknown_users_and_sessions_are_not_found) {
  EXPECT_TRUE(fails_with(by_email("nobody@x.org"), errc::not_found));
  EXPECT_TRUE(fails_with(by_id("nobody"), errc::not_found));
  EXPECT_TRUE(fails_with(session_by_id("none"), errc::not_found));
  EXPECT_TRUE(fails_with(by_refresh("none"), errc::not_found));
  EXPECT_TRUE(fails_with(rotate("none", "a", "b", 1), errc::not_found));
}

TEST_P(user_store_contract, the_first_admin_is_the_oldest_one) {
  EXPECT_TRUE(fails_with(first_admin(), errc::not_found));
  auto plain = user("u0", "p@x.org");
  plain.created_at = "2026-01-01T00:00:00Z";
  auto late = user("u1", "l@x.org");
  late.created_at = "2026-03-01T00:00:00Z";
  auto early = user("u2", "e@x.org");
  early.created_at = "2026-02-01T00:00:00Z";
  late.role = early.role = "admin";
  for (const auto& row : {plain, late, early}) ASSERT_TRUE(insert(row));
  EXPECT_EQ(value_of(first_admin()).id, "u2");
}

TEST_P(user_store_contract, a_session_is_found_by_id_and_by_its_current_refresh_hash) {
  ASSERT_TRUE(insert(session("s1", "h1")));
  for (const auto& found : {session_by_id("s1"), by_refresh("h1")}) {
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, "s1");
    EXPECT_EQ(found->user_id, "u1");
    EXPECT_EQ(found->refresh_hash, "h1");
    EXPECT_EQ(found->rotated_at, 100);
    EXPECT_EQ(found->expires_at, 5'000'000'000);
    EXPECT_FALSE(found->revoked);
    EXPECT_EQ(found->spent_at, 0);
  }
  EXPECT_TRUE(fails_with(insert(session("s1", "h2")), errc::conflict));
}

TEST_P(user_store_contract, rotation_makes_the_next_hash_current_and_remembers_all_that_are_spent) {
  ASSERT_TRUE(insert(session("s1", "h1")));
  ASSERT_TRUE(rotate("s1", "h1", "h2", 200));
  ASSERT_TRUE(rotate("s1", "h2", "h3", 300));
  const auto current = value_of(by_refresh("h3"));
  EXPECT_EQ(current.refresh_hash, "h3");
  EXPECT_EQ(current.rotated_at, 300);
  EXPECT_EQ(current.expires_at, 1200);
  EXPECT_EQ(current.spent_at, 0);
  for (const auto& [hash, at] : {std::pair("h1", 200), std::pair("h2", 300)}) {
    const auto spent = value_of(by_refresh(hash));
    EXPECT_EQ(spent.id, "s1");
    EXPECT_EQ(spent.refresh_hash, "h3");
    EXPECT_EQ(spent.spent_at, at);
  }
}

TEST_P(user_store_contract, a_rotation_from_a_hash_that_is_not_current_is_a_conflict) {
  ASSERT_TRUE(insert(session("s1", "h1")));
  ASSERT_TRUE(rotate("s1", "h1", "h2", 200));
  EXPECT_TRUE(fails_with(rotate("s1", "h1", "h9", 300), errc::conflict));
  EXPECT_EQ(value_of(session_by_id("s1")).refresh_hash, "h2");
  EXPECT_TRUE(fails_with(by_refresh("h9"), errc::not_found));
}

TEST_P(user_store_contract, of_many_rotations_at_once_from_the_same_hash_one_wins) {
  ASSERT_TRUE(insert(session("s1", "h1")));
  std::atomic<int> won = 0, lost = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&, i] {
        const auto r = rotate("s1", "h1", "next" + std::to_string(i), 200);
        ++(r ? won : lost);
      });
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 7);
}

TEST_P(user_store_contract, a_revoked_session_is_kept_and_says_so) {
  ASSERT_TRUE(insert(session("s1", "h1")));
  ASSERT_TRUE(insert(session("s2", "h2")));
  ASSERT_TRUE(ask<done>([&](auto r) { sessions_->revoke_session("u1", "s1", std::move(r)); }));
  EXPECT_TRUE(value_of(by_refresh("h1")).revoked);
  EXPECT_FALSE(value_of(by_refresh("h2")).revoked);
}

TEST_P(user_store_contract, an_installation_secret_is_what_was_stored_first_under_its_name) {
  EXPECT_EQ(value_of(secret_named("signing", "first")), "first");
  EXPECT_EQ(value_of(secret_named("signing", "second")), "first");
  EXPECT_EQ(value_of(secret_named("other", "second")), "second");
}

TEST_P(user_store_contract, calls_of_one_thread_are_done_in_their_order_without_waiting) {
  // A read asked for right behind a write, whose answer nobody awaited, must see it.
  for (int i = 0; i < 50; ++i) {
    const auto id = "s" + std::to_string(i);
    sessions_->insert_session(session(id, "h" + id), reply<done>([](auto) {}));
    sessions_->rotate(id, "h" + id, "n" + id, 200, 900, reply<done>([](auto) {}));
    const auto seen = by_refresh("n" + id);
    ASSERT_TRUE(seen) << i << ": " << seen.error().message;
    EXPECT_EQ(seen->rotated_at, 200);
  }
}

TEST_P(user_store_contract, a_conflict_does_not_spoil_what_is_written_beside_it) {
  ASSERT_TRUE(insert(session("taken", "h0")));
  std::vector<std::future<result<done>>> answers;
  for (int i = 0; i < 60; ++i) {
    auto promise = std::make_shared<std::promise<result<done>>>();
    answers.push_back(promise->get_future());
    const auto id = i % 3 == 0 ? std::string("taken") : "s" + std::to_string(i);
    sessions_->insert_session(session(id, "h" + std::to_string(i)),
                              reply<done>([promise](auto r) { promise->set_value(std::move(r)); }));
  }
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto r = answers[i].get();
    if (i % 3 == 0)
      EXPECT_TRUE(fails_with(r, errc::conflict)) << i;
    else
      EXPECT_TRUE(r) << i;
  }
  for (int i = 0; i < 60; ++i)
    EXPECT_EQ(session_by_id("s" + std::to_string(i)).has_value(), i % 3 != 0) << i;
  EXPECT_EQ(value_of(session_by_id("taken")).refresh_hash, "h0");
}

} // namespace
} // namespace troupe::test
