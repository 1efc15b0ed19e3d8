// Goal: every adapter keeps the contract of log_store's append, get, patch and flush
// (actors/ports/log_store.hpp). Method: one suite of calls and answers, run on SQLite and in
// memory.
#include "tests/contract/stores/store_fixture.hpp"

#include <thread>

namespace troupe::test {
namespace {

log_record record(const std::string& id, const std::string& message = "hello") {
  log_record r;
  r.id = id;
  r.time = "2026-01-01T00:00:00.000000Z";
  r.service = "tests";
  r.message = message;
  r.user = "u1";
  return r;
}

class log_store_contract : public store_suite {
protected:
  result<done> append(std::vector<log_record> records) {
    return ask<done>([&](auto r) { log_->append(std::move(records), std::move(r)); });
  }
  result<log_record> get(const std::string& id, const std::string& user = "u1") {
    return ask<log_record>([&](auto r) { log_->get(user, id, std::move(r)); });
  }
  result<log_record> patch(const std::string& id, const std::string& attributes,
                           const std::string& user = "u1") {
    return ask<log_record>([&](auto r) { log_->patch(user, id, {attributes}, std::move(r)); });
  }
  std::size_t count() {
    log_filter all;
    all.user = "u1";
    all.limit = 1000;
    return value_of(ask<log_slice>([&](auto r) { log_->list(all, std::move(r)); })).records.size();
  }

  std::unique_ptr<log_store> log_ = open_log();
};
TROUPE_ON_EVERY_ADAPTER(log_store_contract);

TEST_P(log_store_contract, a_record_comes_back_as_it_was) {
  auto r = record("log_1", "caf\xC3\xA9 'quoted' \"twice\" 100% \xF0\x9F\x8E\xAD\nline two");
  r.level = log_level::fatal;
  r.attributes.raw = R"({"model":"m","tokens":7,"deep":{"a":[1,null]}})";
  ASSERT_TRUE(append({r}));
  EXPECT_EQ(value_of(get("log_1")), r);
}

TEST_P(log_store_contract, every_level_is_kept) {
  for (const auto level :
       {log_level::debug, log_level::info, log_level::warn, log_level::error, log_level::fatal}) {
    auto r = record("log_" + std::to_string(static_cast<int>(level)));
    r.level = level;
    ASSERT_TRUE(append({r}));
    EXPECT_EQ(value_of(get(r.id)).level, level);
  }
}

TEST_P(log_store_contract, the_largest_message_comes_back_whole) {
  const auto r = record("log_1", std::string(64u << 10, 'x'));
  ASSERT_TRUE(append({r}));
  EXPECT_EQ(value_of(get("log_1")).message.size(), 64u << 10);
}

TEST_P(log_store_contract, another_users_record_is_not_found) {
  ASSERT_TRUE(append({record("log_1")}));
  EXPECT_TRUE(fails_with(get("log_1", "u2"), errc::not_found));
  EXPECT_TRUE(fails_with(patch("log_1", R"({"a":1})", "u2"), errc::not_found));
  EXPECT_EQ(value_of(get("log_1")).attributes.raw, "{}");
}

TEST_P(log_store_contract, an_unknown_record_is_not_found) {
  EXPECT_TRUE(fails_with(get("log_1"), errc::not_found));
  EXPECT_TRUE(fails_with(patch("log_1", "{}"), errc::not_found));
}

TEST_P(log_store_contract, a_record_that_is_sent_again_is_left_as_it_is) {
  ASSERT_TRUE(append({record("log_1", "first")}));
  ASSERT_TRUE(append({record("log_1", "second"), record("log_2", "new")}));
  ASSERT_TRUE(append({record("log_3", "a"), record("log_3", "b")}));
  EXPECT_EQ(value_of(get("log_1")).message, "first");
  EXPECT_EQ(value_of(get("log_2")).message, "new");
  EXPECT_EQ(value_of(get("log_3")).message, "a");
  EXPECT_EQ(count(), 3u);
}

TEST_P(log_store_contract, a_batch_of_a_thousand_is_kept_whole) {
  std::vector<log_record> batch;
  for (int i = 0; i < 1000; ++i) batch.push_back(record("log_" + std::to_string(i)));
  ASSERT_TRUE(append(batch));
  EXPECT_EQ(count(), 1000u);
}

TEST_P(log_store_contract, a_patch_merges_attributes_as_rfc_7396_says) {
  auto r = record("log_1");
  r.attributes.raw = R"({"a":1,"b":{"c":2,"d":3},"e":[1]})";
  ASSERT_TRUE(append({r}));
  const auto patched = value_of(patch("log_1", R"({"a":null,"b":{"c":9},"e":[2],"f":"new"})"));
  EXPECT_EQ(patched.message, "hello");
  const auto stored = value_of(get("log_1")).attributes.raw;
  EXPECT_EQ(stored, patched.attributes.raw);
  EXPECT_EQ(stored, R"({"b":{"c":9,"d":3},"e":[2],"f":"new"})");
}

TEST_P(log_store_contract, a_patch_that_is_no_object_is_invalid_and_changes_nothing) {
  ASSERT_TRUE(append({record("log_1")}));
  const auto r = patch("log_1", "[1]");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::invalid_argument);
  EXPECT_EQ(value_of(get("log_1")).attributes.raw, "{}");
}

TEST_P(log_store_contract, patches_at_once_lose_none) {
  ASSERT_TRUE(append({record("log_1")}));
  constexpr int threads = 8, each = 20;
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < threads; ++t)
      writers.emplace_back([&, t] {
        for (int i = 0; i < each; ++i)
          value_of(patch("log_1", "{\"k" + std::to_string(t * each + i) + "\":1}"));
      });
  }
  const auto attributes = value_of(get("log_1")).attributes.raw;
  for (int i = 0; i < threads * each; ++i)
    EXPECT_NE(attributes.find("\"k" + std::to_string(i) + "\":1"), attributes.npos) << i;
}

TEST_P(log_store_contract, a_flush_is_answered_after_what_was_appended_before) {
  std::atomic<int> stored = 0;
  for (int i = 0; i < 20; ++i)
    log_->append({record("log_" + std::to_string(i))}, reply<done>([&](auto r) {
                   if (r) ++stored;
                 }));
  ASSERT_TRUE(ask<done>([&](auto r) { log_->flush(std::move(r)); }));
  EXPECT_EQ(stored, 20);
}

} // namespace
} // namespace troupe::test
