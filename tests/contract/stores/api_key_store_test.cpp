// Goal: every adapter keeps the contract of api_key_store (actors/ports/user_store.hpp). Method:
// one suite of calls and answers, run on SQLite, on MariaDB, on PostgreSQL and in memory.
#include "tests/contract/stores/account_fixture.hpp"

namespace troupe::test {
namespace {

class api_key_store_contract : public account_suite {
protected:
  result<done> insert(api_key_row row) {
    return ask<done>([&](auto r) { keys_->insert_key(row, std::move(r)); });
  }
  result<api_key_row> by_hash(const std::string& hash) {
    return ask<api_key_row>([&](auto r) { keys_->key_by_hash(hash, std::move(r)); });
  }
  std::vector<std::string> list(const std::string& user) {
    std::vector<std::string> ids;
    for (const auto& row : value_of(
             ask<std::vector<api_key_row>>([&](auto r) { keys_->list_keys(user, std::move(r)); })))
      ids.push_back(row.id);
    return ids;
  }
  result<done> revoke(const std::string& user, const std::string& id) {
    return ask<done>([&](auto r) { keys_->revoke_key(user, id, std::move(r)); });
  }

  api_key_store* keys_ = in_.keys.get();
};
TROUPE_ON_EVERY_ACCOUNT_ADAPTER(api_key_store_contract);

using ids = std::vector<std::string>;

TEST_P(api_key_store_contract, a_key_is_found_by_its_hash_with_every_field) {
  ASSERT_TRUE(insert(api_key("key_1", "u1", 5'000'000'000)));
  const auto found = value_of(by_hash("hash-key_1"));
  EXPECT_EQ(found.id, "key_1");
  EXPECT_EQ(found.user_id, "u1");
  EXPECT_EQ(found.name, "name key_1");
  EXPECT_EQ(found.hash, "hash-key_1");
  EXPECT_EQ(found.hint, "tr-…key_1");
  EXPECT_EQ(found.created_at, 5'000'000'000);
  EXPECT_FALSE(found.revoked);
  EXPECT_TRUE(fails_with(by_hash("other"), errc::not_found));
}

TEST_P(api_key_store_contract, an_id_or_hash_that_is_taken_is_a_conflict) {
  ASSERT_TRUE(insert(api_key("key_1", "u1", 1)));
  EXPECT_TRUE(fails_with(insert(api_key("key_1", "u2", 2)), errc::conflict));
  auto same_hash = api_key("key_2", "u2", 2);
  same_hash.hash = "hash-key_1";
  EXPECT_TRUE(fails_with(insert(same_hash), errc::conflict));
  EXPECT_EQ(value_of(by_hash("hash-key_1")).user_id, "u1");
  EXPECT_EQ(list("u2"), ids{});
}

TEST_P(api_key_store_contract, a_list_has_the_users_own_keys_newest_first) {
  EXPECT_EQ(list("u1"), ids{});
  ASSERT_TRUE(insert(api_key("key_a", "u1", 30)));
  ASSERT_TRUE(insert(api_key("key_b", "u1", 10)));
  ASSERT_TRUE(insert(api_key("key_c", "u1", 20)));
  ASSERT_TRUE(insert(api_key("key_d", "u1", 20)));
  ASSERT_TRUE(insert(api_key("key_e", "u2", 40)));
  EXPECT_EQ(list("u1"), (ids{"key_a", "key_d", "key_c", "key_b"}));
}

TEST_P(api_key_store_contract, a_revoked_key_is_gone_from_look_up_and_list) {
  ASSERT_TRUE(insert(api_key("key_1", "u1", 1)));
  ASSERT_TRUE(insert(api_key("key_2", "u1", 2)));
  ASSERT_TRUE(revoke("u1", "key_1"));
  EXPECT_TRUE(fails_with(by_hash("hash-key_1"), errc::not_found));
  EXPECT_EQ(list("u1"), ids{"key_2"});
}

TEST_P(api_key_store_contract, only_the_owner_revokes_and_only_once) {
  ASSERT_TRUE(insert(api_key("key_1", "u1", 1)));
  EXPECT_TRUE(fails_with(revoke("u2", "key_1"), errc::not_found));
  EXPECT_TRUE(by_hash("hash-key_1"));
  EXPECT_TRUE(revoke("u1", "key_1"));
  EXPECT_TRUE(fails_with(revoke("u1", "key_1"), errc::not_found));
  EXPECT_TRUE(fails_with(revoke("u1", "key_9"), errc::not_found));
}

TEST_P(api_key_store_contract, a_list_ends_at_a_thousand_keys) {
  std::vector<std::future<result<done>>> answers;
  for (int i = 0; i < 1005; ++i) {
    auto promise = std::make_shared<std::promise<result<done>>>();
    answers.push_back(promise->get_future());
    keys_->insert_key(api_key("key_" + std::to_string(i), "u1", i),
                      reply<done>([promise](auto r) { promise->set_value(std::move(r)); }));
  }
  for (auto& a : answers) ASSERT_TRUE(a.get());
  const auto all = list("u1");
  ASSERT_EQ(all.size(), 1000u);
  EXPECT_EQ(all.front(), "key_1004");
  EXPECT_EQ(all.back(), "key_5");
}

} // namespace
} // namespace troupe::test
