// Goal: accounts change, are listed and are deleted as actors/ports/user_store.hpp says. Method:
// one suite of calls and answers on every adapter of the accounts.
#include "tests/contract/stores/account_fixture.hpp"

namespace troupe::test {
namespace {

class user_change_contract : public account_suite {
protected:
  result<done> replace(const user_row& row, const std::string& expected) {
    return ask<done>([&](auto r) { in_.users->replace_user(row, expected, std::move(r)); });
  }
  user_page list(user_query query) {
    return value_of(ask<user_page>([&](auto r) { in_.users->list_users(query, std::move(r)); }));
  }
  std::vector<std::string> ids(user_query query) {
    std::vector<std::string> out;
    for (const auto& row : list(std::move(query)).rows) out.push_back(row.id);
    return out;
  }
  result<identity_row> identity(const std::string& subject) {
    return ask<identity_row>(
        [&](auto r) { in_.identities->identity("google", subject, std::move(r)); });
  }
};
TROUPE_ON_EVERY_ACCOUNT_ADAPTER(user_change_contract);

using names = std::vector<std::string>;

identity_row of_google(const std::string& subject, const std::string& user_id) {
  return {"google", subject, user_id, {R"({"sub":1})"}, "2026-01-01T00:00:00Z", ""};
}

TEST_P(user_change_contract, a_replaced_account_keeps_every_field_that_was_given) {
  ASSERT_TRUE(insert(user("u1", "a@x.org")));
  auto row = value_of(by_id("u1"));
  row.email = "B@x.org";
  row.name = "Béa";
  row.password_hash = "$argon2id$new";
  row.role = "viewer";
  row.anonymous = true;
  row.updated_at = "2026-01-02T00:00:00Z";
  row.email_confirmed_at = "2026-01-03T00:00:00Z";
  row.banned_until = "2027-01-01T00:00:00Z";
  row.app_metadata.raw = R"({"provider":"email"})";
  row.user_metadata.raw = R"({"city":"Köln"})";
  ASSERT_TRUE(replace(row, "2026-01-01T00:00:00Z"));
  const auto found = value_of(by_id("u1"));
  EXPECT_EQ(found.email, "B@x.org");
  EXPECT_EQ(found.name, "Béa");
  EXPECT_EQ(found.password_hash, "$argon2id$new");
  EXPECT_EQ(found.role, "viewer");
  EXPECT_TRUE(found.anonymous);
  EXPECT_EQ(found.created_at, "2026-01-01T00:00:00Z");
  EXPECT_EQ(found.updated_at, "2026-01-02T00:00:00Z");
  EXPECT_EQ(found.email_confirmed_at, "2026-01-03T00:00:00Z");
  EXPECT_EQ(found.banned_until, "2027-01-01T00:00:00Z");
  EXPECT_EQ(found.app_metadata.raw, row.app_metadata.raw);
  EXPECT_EQ(found.user_metadata.raw, row.user_metadata.raw);
  EXPECT_EQ(found.last_sign_in_at, "");
  EXPECT_TRUE(ask<user_row>([&](auto r) { in_.users->user_by_email("b@X.org", std::move(r)); }));
}

TEST_P(user_change_contract, a_change_of_an_account_that_changed_meanwhile_is_a_conflict) {
  ASSERT_TRUE(insert(user("u1", "a@x.org")));
  auto row = value_of(by_id("u1"));
  row.updated_at = "2026-01-02T00:00:00Z";
  ASSERT_TRUE(replace(row, "2026-01-01T00:00:00Z"));
  row.name = "lost";
  EXPECT_TRUE(fails_with(replace(row, "2026-01-01T00:00:00Z"), errc::conflict));
  EXPECT_NE(value_of(by_id("u1")).name, "lost");
  row.id = "u9";
  row.email = "z@x.org";
  EXPECT_TRUE(fails_with(replace(row, "2026-01-02T00:00:00Z"), errc::not_found));
}

TEST_P(user_change_contract, an_e_mail_that_another_has_is_a_conflict_of_the_field) {
  ASSERT_TRUE(insert(user("u1", "a@x.org")));
  ASSERT_TRUE(insert(user("u2", "b@x.org")));
  auto row = value_of(by_id("u2"));
  row.email = "A@x.org";
  EXPECT_TRUE(fails_with(replace(row, row.updated_at), errc::conflict, "email"));
}

TEST_P(user_change_contract, accounts_without_an_e_mail_stand_beside_each_other) {
  ASSERT_TRUE(insert(user("u1", "")));
  ASSERT_TRUE(insert(user("u2", "")));
  EXPECT_EQ(value_of(by_id("u2")).email, "");
  EXPECT_TRUE(fails_with(ask<user_row>([&](auto r) { in_.users->user_by_email("", std::move(r)); }),
                         errc::not_found));
}

TEST_P(user_change_contract, a_sign_in_is_noted_without_being_a_change) {
  ASSERT_TRUE(insert(user("u1", "a@x.org")));
  ASSERT_TRUE(ask<done>(
      [&](auto r) { in_.users->touch_sign_in("u1", "2026-05-05T00:00:00Z", std::move(r)); }));
  const auto row = value_of(by_id("u1"));
  EXPECT_EQ(row.last_sign_in_at, "2026-05-05T00:00:00Z");
  EXPECT_TRUE(replace(row, "2026-01-01T00:00:00Z"));
}

TEST_P(user_change_contract, lists_are_paged_by_age_and_filtered_by_a_part_of_mail_or_name) {
  for (int i = 0; i < 5; ++i) {
    auto row = user("u" + std::to_string(i), "mail" + std::to_string(i) + "@x.org");
    row.created_at = "2026-01-0" + std::to_string(9 - i) + "T00:00:00Z";
    ASSERT_TRUE(insert(row));
  }
  EXPECT_EQ(ids({{}, 0, 2}), (names{"u4", "u3"}));
  EXPECT_EQ(ids({{}, 4, 2}), (names{"u0"}));
  EXPECT_EQ(list({{}, 0, 2}).total, 5u);
  EXPECT_EQ(ids({"MAIL3", 0, 50}), (names{"u3"}));
  EXPECT_EQ(ids({"name of u2", 0, 50}), (names{"u2"}));
  EXPECT_EQ(ids({"%", 0, 50}), names{});
  EXPECT_EQ(ids({"mail_", 0, 50}), names{});
  EXPECT_EQ(list({"nobody", 0, 50}).total, 0u);
}

TEST_P(user_change_contract, an_identity_leads_to_its_account_and_belongs_to_one) {
  ASSERT_TRUE(insert(user("u1", "a@x.org"), {of_google("g1", "u1")}));
  ASSERT_TRUE(ask<done>(
      [&](auto r) { in_.identities->insert_identity(of_google("g2", "u1"), std::move(r)); }));
  EXPECT_EQ(value_of(identity("g1")).user_id, "u1");
  EXPECT_EQ(value_of(identity("g2")).data.raw, R"({"sub":1})");
  EXPECT_TRUE(fails_with(identity("g3"), errc::not_found));
  EXPECT_TRUE(fails_with(insert(user("u2", "b@x.org"), {of_google("g1", "u2")}), errc::conflict));
  EXPECT_TRUE(fails_with(by_id("u2"), errc::not_found));
  EXPECT_EQ(value_of(ask<std::vector<identity_row>>([&](auto r) {
              in_.identities->identities_of("u1", std::move(r));
            })).size(),
            2u);
}

TEST_P(user_change_contract, deleting_an_account_takes_along_all_that_is_its_own) {
  ASSERT_TRUE(insert(user("u1", "a@x.org"), {of_google("g1", "u1")}));
  ASSERT_TRUE(insert(user("u2", "b@x.org")));
  ASSERT_TRUE(insert(session("s1")));
  ASSERT_TRUE(insert(session("s2", "u2")));
  ASSERT_TRUE(
      ask<done>([&](auto r) { in_.keys->insert_key(api_key("key_1", "u1"), std::move(r)); }));
  for (const char* subject : {"user:u1", "key:key_1", "user:u2"})
    ASSERT_TRUE(ask<done>(
        [&](auto r) { in_.caps->put_caps({.subject = subject, .streams = 1}, std::move(r)); }));
  for (int again = 0; again < 2; ++again)
    ASSERT_TRUE(ask<done>([&](auto r) { in_.users->delete_user("u1", std::move(r)); }));
  EXPECT_TRUE(fails_with(by_id("u1"), errc::not_found));
  EXPECT_TRUE(fails_with(session_by_id("s1"), errc::not_found));
  EXPECT_TRUE(fails_with(
      ask<api_key_row>([&](auto r) { in_.keys->key_by_hash("hash-key_1", std::move(r)); }),
      errc::not_found));
  EXPECT_TRUE(fails_with(identity("g1"), errc::not_found));
  EXPECT_TRUE(session_by_id("s2"));
  const auto caps = value_of(ask<std::vector<caps_row>>(
      [&](auto r) { in_.caps->caps_of({"user:u1", "key:key_1", "user:u2"}, std::move(r)); }));
  ASSERT_EQ(caps.size(), 1u);
  EXPECT_EQ(caps[0].subject, "user:u2");
  ASSERT_TRUE(insert(user("u3", "a@x.org")));
}

} // namespace
} // namespace troupe::test
