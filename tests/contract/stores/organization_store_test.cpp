// Goal: every adapter keeps the contract of actors/ports/organization_store.hpp. Method: one suite
// of calls and answers on every adapter of the accounts.
#include "tests/contract/stores/account_fixture.hpp"

#include <thread>

namespace troupe::test {
namespace {

class organization_contract : public account_suite {
protected:
  void SetUp() override {
    account_suite::SetUp();
    if (IsSkipped()) return;
    for (const char* id : {"u1", "u2", "u3"})
      ASSERT_TRUE(account_suite::insert(user(id, std::string(id) + "@x.org")));
    ASSERT_TRUE(found("org_1", "u1", 10));
  }
  result<done> found(const std::string& id, const std::string& owner, std::int64_t at) {
    return ask<done>([&](auto r) {
      in_.organizations->insert_organization({id, "Name " + id, at, {}}, owner, std::move(r));
    });
  }
  result<done> put(const std::string& user_id, const std::string& role) {
    return ask<done>([&](auto r) {
      in_.organizations->put_member("org_1", {user_id, {}, role, 20}, std::move(r));
    });
  }
  result<done> remove(const std::string& user_id) {
    return ask<done>(
        [&](auto r) { in_.organizations->remove_member("org_1", user_id, std::move(r)); });
  }
  result<organization_row> get(const std::string& user_id) {
    return ask<organization_row>(
        [&](auto r) { in_.organizations->organization("org_1", user_id, std::move(r)); });
  }
  std::vector<std::string> list(const std::string& user_id) {
    std::vector<std::string> out;
    for (const auto& row : value_of(ask<std::vector<organization_row>>(
             [&](auto r) { in_.organizations->list_organizations(user_id, std::move(r)); })))
      out.push_back(row.id + ":" + row.role);
    return out;
  }
  std::vector<member_row> members() {
    return value_of(ask<std::vector<member_row>>(
        [&](auto r) { in_.organizations->list_members("org_1", std::move(r)); }));
  }
};
TROUPE_ON_EVERY_ACCOUNT_ADAPTER(organization_contract);

using names = std::vector<std::string>;

TEST_P(organization_contract, who_leaves_takes_no_keys_of_it_along) {
  ASSERT_TRUE(put("u2", "member"));
  const auto insert = [&](const std::string& id, const std::string& organization) {
    api_key_row row;
    row.id = id;
    row.user_id = "u2";
    row.name = row.hint = "k";
    row.hash = "hash of " + id;
    row.organization = organization;
    ASSERT_TRUE(ask<done>([&](auto r) { in_.keys->insert_key(row, std::move(r)); }));
  };
  insert("key_own", "");
  insert("key_org", "org_1");
  ASSERT_TRUE(remove("u2"));
  const auto left = value_of(
      ask<std::vector<api_key_row>>([&](auto r) { in_.keys->list_keys("u2", std::move(r)); }));
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].id, "key_own");
}

TEST_P(organization_contract, whoever_founds_one_owns_it) {
  ASSERT_TRUE(found("org_2", "u2", 20));
  EXPECT_EQ(value_of(get("u1")).role, "owner");
  EXPECT_EQ(value_of(get("u1")).name, "Name org_1");
  EXPECT_EQ(value_of(get("u2")).role, "");
  EXPECT_EQ(list("u1"), names{"org_1:owner"});
  EXPECT_EQ(list(""), (names{"org_1:", "org_2:"}));
  EXPECT_TRUE(fails_with(found("org_1", "u2", 30), errc::conflict));
}

TEST_P(organization_contract, members_come_change_and_go) {
  ASSERT_TRUE(put("u2", "member"));
  ASSERT_TRUE(put("u2", "admin"));
  const auto all = members();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].user_id, "u2");
  EXPECT_EQ(all[1].email, "u2@x.org");
  EXPECT_EQ(all[1].role, "admin");
  EXPECT_EQ(list("u2"), names{"org_1:admin"});
  ASSERT_TRUE(remove("u2"));
  EXPECT_TRUE(fails_with(remove("u2"), errc::not_found));
  EXPECT_TRUE(fails_with(put("nobody", "member"), errc::not_found));
}

TEST_P(organization_contract, the_last_owner_stays_one) {
  EXPECT_TRUE(fails_with(remove("u1"), errc::conflict));
  EXPECT_TRUE(fails_with(put("u1", "member"), errc::conflict));
  ASSERT_TRUE(put("u2", "owner"));
  EXPECT_TRUE(put("u1", "member"));
  EXPECT_TRUE(fails_with(remove("u2"), errc::conflict));
}

TEST_P(organization_contract, two_owners_who_leave_at_once_do_not_leave_it_without_one) {
  for (int round = 0; round < 10; ++round) {
    ASSERT_TRUE(put("u1", "owner"));
    ASSERT_TRUE(put("u2", "owner"));
    {
      std::jthread one([&] { (void)remove("u1"); });
      std::jthread two([&] { (void)remove("u2"); });
    }
    EXPECT_EQ(members().size(), 1u);
    // Whoever stayed lets the other in again.
    ASSERT_TRUE(put("u3", "owner"));
    ASSERT_TRUE(put("u1", "owner"));
    ASSERT_TRUE(remove("u3"));
  }
}

TEST_P(organization_contract, a_deleted_one_leaves_nothing) {
  ASSERT_TRUE(put("u2", "member"));
  const auto rename = [&](const std::string& name) {
    return ask<done>(
        [&](auto r) { in_.organizations->rename_organization("org_1", name, std::move(r)); });
  };
  ASSERT_TRUE(rename("Other"));
  EXPECT_EQ(value_of(get("u1")).name, "Other");
  ASSERT_TRUE(
      ask<done>([&](auto r) { in_.organizations->delete_organization("org_1", std::move(r)); }));
  EXPECT_TRUE(fails_with(get("u1"), errc::not_found));
  EXPECT_TRUE(fails_with(rename("x"), errc::not_found));
  EXPECT_EQ(list("u2"), names{});
}

TEST_P(organization_contract, the_memberships_of_a_deleted_account_go_with_it) {
  ASSERT_TRUE(put("u2", "member"));
  ASSERT_TRUE(ask<done>([&](auto r) { in_.users->delete_user("u2", std::move(r)); }));
  EXPECT_EQ(members().size(), 1u);
}

} // namespace
} // namespace troupe::test
