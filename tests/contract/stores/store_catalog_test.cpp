// Goal: every adapter keeps the contract of store_catalog (actors/ports/document_store.hpp).
// Method: one suite of calls and answers, run on SQLite and in memory.
#include "tests/contract/stores/store_fixture.hpp"

#include <ctime>

namespace troupe::test {
namespace {

using ids = std::vector<std::string>;

class store_catalog_contract : public store_suite {
protected:
  void add_file(const std::string& id, const std::string& user = "u1") {
    file_view file;
    file.id = id;
    file.filename = id + ".md";
    value_of(ask<done>([&](auto r) { stores_.files->insert_file(user, file, "x", std::move(r)); }));
  }
  result<done> add_store(const std::string& id, std::int64_t created_at = 1,
                         const std::string& user = "u1", ids files = {}) {
    store_view store;
    store.id = id;
    store.name = "name of " + id;
    store.created_at = created_at;
    store.metadata.raw = R"({"k":"v"})";
    return ask<done>([&](auto r) { catalog_->insert_store(user, store, files, std::move(r)); });
  }
  result<store_view> get(const std::string& id, const std::string& user = "u1") {
    return ask<store_view>([&](auto r) { catalog_->get_store(user, id, std::move(r)); });
  }
  result<store_file_view> attach(const std::string& store, const std::string& file,
                                 std::int64_t created_at = 1, const std::string& user = "u1",
                                 const std::string& attributes = R"({"page":1})") {
    store_file_view entry;
    entry.id = file;
    entry.vector_store_id = store;
    entry.created_at = created_at;
    entry.attributes.raw = attributes;
    return ask<store_file_view>([&](auto r) { catalog_->attach(user, entry, std::move(r)); });
  }
  void set(const std::string& store, const std::string& file, const std::string& status,
           std::int64_t usage = 0, nullable<file_error> why = {}) {
    value_of(ask<done>(
        [&](auto r) { catalog_->set_status(store, file, status, why, usage, std::move(r)); }));
  }
  result<store_file_view> entry(const std::string& store, const std::string& file,
                                const std::string& user = "u1") {
    return ask<store_file_view>(
        [&](auto r) { catalog_->get_entry(user, store, file, std::move(r)); });
  }
  result<page<store_file_view>> entries(const std::string& store, const std::string& status = "",
                                        page_query query = {}, const std::string& user = "u1") {
    return ask<page<store_file_view>>(
        [&](auto r) { catalog_->list_entries(user, store, status, query, std::move(r)); });
  }
  result<done> detach(const std::string& store, const std::string& file,
                      const std::string& user = "u1") {
    return ask<done>([&](auto r) { catalog_->detach(user, store, file, std::move(r)); });
  }
  result<done> remove(const std::string& id, const std::string& user = "u1") {
    return ask<done>([&](auto r) { catalog_->delete_store(user, id, std::move(r)); });
  }
  ids pending() {
    ids out;
    for (const auto& p :
         value_of(ask<std::vector<pending_file>>([&](auto r) { catalog_->pending(std::move(r)); })))
      out.push_back(p.user + ' ' + p.vector_store_id + ' ' + p.file_id);
    return out;
  }
  ids store_ids(const std::string& user) {
    return value_of(ask<ids>([&](auto r) { catalog_->store_ids(user, std::move(r)); }));
  }
  ids matching(const ids& stores, const std::string& filter, const std::string& user = "u1") {
    ids out;
    for (const auto& place : value_of(ask<std::vector<file_place>>([&](auto r) {
           catalog_->matching_files(user, stores, value_of(filter_of({filter})), std::move(r));
         })))
      out.push_back(place.vector_store_id + ' ' + place.file_id);
    return out;
  }
  ids describe(const std::vector<file_place>& places, const std::string& user = "u1") {
    ids out;
    for (const auto& file : value_of(ask<std::vector<placed_file>>(
             [&](auto r) { catalog_->describe(user, places, std::move(r)); })))
      out.push_back(file.place.vector_store_id + ' ' + file.place.file_id + ' ' + file.filename +
                    ' ' + file.attributes.raw);
    return out;
  }
  template <class Item>
  static ids ids_of(const page<Item>& p) {
    ids out;
    for (const auto& item : p.items) out.push_back(item.id);
    if (p.has_more) out.emplace_back("+");
    return out;
  }

  prompt_stores stores_ = open_prompt();
  store_catalog* catalog_ = stores_.stores.get();
};
TROUPE_ON_EVERY_ADAPTER(store_catalog_contract);

TEST_P(store_catalog_contract, a_new_store_is_empty_and_completed) {
  ASSERT_TRUE(add_store("vs_1", 5'000'000'000));
  const auto store = value_of(get("vs_1"));
  EXPECT_EQ(store.id, "vs_1");
  EXPECT_EQ(store.object, "vector_store");
  EXPECT_EQ(store.name, "name of vs_1");
  EXPECT_EQ(store.created_at, 5'000'000'000);
  EXPECT_EQ(store.metadata.raw, R"({"k":"v"})");
  EXPECT_EQ(store.status, "completed");
  EXPECT_EQ(store.usage_bytes, 0);
  EXPECT_EQ(store.file_counts_, file_counts{});
  EXPECT_EQ(store.last_active_at, nullable<std::int64_t>(5'000'000'000));
  EXPECT_TRUE(fails_with(add_store("vs_1"), errc::conflict));
}

TEST_P(store_catalog_contract, a_store_begins_with_its_files_waiting_to_be_indexed) {
  add_file("a");
  add_file("b");
  ASSERT_TRUE(add_store("vs_1", 7, "u1", {"b", "a", "b"}));
  EXPECT_EQ(value_of(get("vs_1")).file_counts_.in_progress, 2);
  EXPECT_EQ(pending(), (ids{"u1 vs_1 a", "u1 vs_1 b"}));
  const auto stored = value_of(entry("vs_1", "a"));
  EXPECT_EQ(stored.status, "in_progress");
  EXPECT_EQ(stored.created_at, 7);
  EXPECT_EQ(stored.attributes.raw, "{}");
}

TEST_P(store_catalog_contract, a_store_with_an_unknown_file_leaves_nothing_behind) {
  add_file("a");
  add_file("theirs", "u2");
  EXPECT_TRUE(
      fails_with(add_store("vs_1", 1, "u1", {"a", "none"}), errc::not_found, "file_ids[1]"));
  EXPECT_TRUE(fails_with(add_store("vs_1", 1, "u1", {"theirs"}), errc::not_found, "file_ids[0]"));
  EXPECT_TRUE(fails_with(get("vs_1"), errc::not_found, "vector_store_id"));
  EXPECT_EQ(store_ids("u1"), ids{});
  EXPECT_EQ(pending(), ids{});
}

TEST_P(store_catalog_contract, a_store_that_exists_already_keeps_its_files_when_it_is_added_again) {
  add_file("a");
  ASSERT_TRUE(add_store("vs_1"));
  EXPECT_TRUE(fails_with(add_store("vs_1", 1, "u1", {"a"}), errc::conflict));
  EXPECT_EQ(value_of(get("vs_1")).file_counts_.total, 0);
}

TEST_P(store_catalog_contract, files_are_found_by_their_attributes_in_each_store) {
  for (const auto* f : {"a", "b", "c"}) add_file(f);
  ASSERT_TRUE(add_store("vs_1"));
  ASSERT_TRUE(add_store("vs_2"));
  ASSERT_TRUE(attach("vs_1", "a", 1, "u1", R"({"year":2024})"));
  ASSERT_TRUE(attach("vs_1", "b", 1, "u1", R"({"year":2026})"));
  ASSERT_TRUE(attach("vs_1", "c", 1, "u1", "{}"));
  ASSERT_TRUE(attach("vs_2", "a", 1, "u1", R"({"year":2027})"));
  const std::string recent = R"({"type":"gte","key":"year","value":2026})";
  EXPECT_EQ(matching({"vs_1", "vs_2"}, recent), (ids{"vs_1 b", "vs_2 a"}));
  EXPECT_EQ(matching({"vs_1"}, R"({"type":"ne","key":"year","value":2026})"),
            (ids{"vs_1 a", "vs_1 c"}));
  EXPECT_EQ(matching({"vs_9"}, recent), ids{});
  EXPECT_EQ(matching({"vs_1"}, recent, "u2"), ids{});
}

TEST_P(store_catalog_contract, files_are_described_where_they_are_attached) {
  add_file("a");
  add_file("b");
  ASSERT_TRUE(add_store("vs_1"));
  ASSERT_TRUE(add_store("vs_2"));
  ASSERT_TRUE(attach("vs_1", "a", 1, "u1", R"({"n":1})"));
  ASSERT_TRUE(attach("vs_2", "a", 1, "u1", R"({"n":2})"));
  ASSERT_TRUE(attach("vs_1", "b", 1, "u1", R"({"n":3})"));
  EXPECT_EQ(describe({{"vs_2", "a"}, {"vs_1", "a"}, {"vs_2", "b"}, {"vs_1", "none"}}),
            (ids{R"(vs_2 a a.md {"n":2})", R"(vs_1 a a.md {"n":1})"}));
  ASSERT_TRUE(detach("vs_1", "a"));
  EXPECT_EQ(describe({{"vs_1", "a"}, {"vs_1", "b"}}), ids{R"(vs_1 b b.md {"n":3})"});
  EXPECT_EQ(describe({{"vs_1", "b"}}, "u2"), ids{});
  EXPECT_EQ(describe({}), ids{});
}

TEST_P(store_catalog_contract, another_users_store_is_not_found_by_any_call) {
  ASSERT_TRUE(add_store("vs_1"));
  add_file("file-1");
  add_file("file-2", "u2");
  ASSERT_TRUE(attach("vs_1", "file-1"));
  const std::string store = "vector_store_id";
  EXPECT_TRUE(fails_with(get("vs_1", "u2"), errc::not_found, store));
  EXPECT_TRUE(fails_with(remove("vs_1", "u2"), errc::not_found, store));
  EXPECT_TRUE(fails_with(attach("vs_1", "file-2", 1, "u2"), errc::not_found, store));
  EXPECT_TRUE(fails_with(entry("vs_1", "file-1", "u2"), errc::not_found, store));
  EXPECT_TRUE(fails_with(entries("vs_1", "", {}, "u2"), errc::not_found, store));
  EXPECT_TRUE(fails_with(detach("vs_1", "file-1", "u2"), errc::not_found, store));
  EXPECT_EQ(store_ids("u2"), ids{});
  EXPECT_TRUE(get("vs_1"));
  EXPECT_TRUE(entry("vs_1", "file-1"));
}

TEST_P(store_catalog_contract, attaching_answers_an_entry_that_waits_to_be_indexed) {
  ASSERT_TRUE(add_store("vs_1"));
  add_file("file-1");
  const auto answered = value_of(attach("vs_1", "file-1", 77));
  const auto stored = value_of(entry("vs_1", "file-1"));
  EXPECT_EQ(answered, stored);
  EXPECT_EQ(stored.id, "file-1");
  EXPECT_EQ(stored.object, "vector_store.file");
  EXPECT_EQ(stored.vector_store_id, "vs_1");
  EXPECT_EQ(stored.created_at, 77);
  EXPECT_EQ(stored.status, "in_progress");
  EXPECT_FALSE(stored.last_error);
  EXPECT_EQ(stored.usage_bytes, 0);
  EXPECT_EQ(stored.attributes.raw, R"({"page":1})");
}

TEST_P(store_catalog_contract, a_file_that_is_in_already_is_left_as_it_is) {
  ASSERT_TRUE(add_store("vs_1"));
  add_file("file-1");
  ASSERT_TRUE(attach("vs_1", "file-1", 10));
  set("vs_1", "file-1", "completed", 123);
  const auto again = value_of(attach("vs_1", "file-1", 99));
  EXPECT_EQ(again.status, "completed");
  EXPECT_EQ(again.created_at, 10);
  EXPECT_EQ(again.usage_bytes, 123);
  EXPECT_EQ(value_of(get("vs_1")).file_counts_.total, 1);
}

TEST_P(store_catalog_contract, attaching_names_what_is_missing) {
  add_file("file-1");
  add_file("theirs", "u2");
  EXPECT_TRUE(fails_with(attach("vs_1", "file-1"), errc::not_found, "vector_store_id"));
  ASSERT_TRUE(add_store("vs_1"));
  EXPECT_TRUE(fails_with(attach("vs_1", "none"), errc::not_found, "file_id"));
  EXPECT_TRUE(fails_with(attach("vs_1", "theirs"), errc::not_found, "file_id"));
  EXPECT_EQ(value_of(get("vs_1")).file_counts_.total, 0);
}

TEST_P(store_catalog_contract, counts_usage_and_status_follow_the_entries) {
  ASSERT_TRUE(add_store("vs_1"));
  ASSERT_TRUE(add_store("vs_2"));
  for (const auto* f : {"a", "b", "c", "d"}) {
    add_file(f);
    ASSERT_TRUE(attach("vs_1", f));
  }
  ASSERT_TRUE(attach("vs_2", "a"));
  set("vs_1", "a", "completed", 100);
  set("vs_1", "b", "completed", 20);
  set("vs_1", "c", "failed", 0, file_error{"unsupported_file", "nobody reads it"});
  auto store = value_of(get("vs_1"));
  EXPECT_EQ(
      store.file_counts_,
      (file_counts{.in_progress = 1, .completed = 2, .failed = 1, .cancelled = 0, .total = 4}));
  EXPECT_EQ(store.usage_bytes, 120);
  EXPECT_EQ(store.status, "in_progress");
  set("vs_1", "d", "cancelled");
  store = value_of(get("vs_1"));
  EXPECT_EQ(
      store.file_counts_,
      (file_counts{.in_progress = 0, .completed = 2, .failed = 1, .cancelled = 1, .total = 4}));
  EXPECT_EQ(store.status, "completed");
  EXPECT_EQ(value_of(get("vs_2")).file_counts_.in_progress, 1);
}

TEST_P(store_catalog_contract, a_failed_entry_says_why_until_it_succeeds) {
  ASSERT_TRUE(add_store("vs_1"));
  add_file("file-1");
  ASSERT_TRUE(attach("vs_1", "file-1"));
  set("vs_1", "file-1", "failed", 0, file_error{"invalid_file", "it is not UTF-8"});
  const auto failed = value_of(entry("vs_1", "file-1"));
  ASSERT_TRUE(failed.last_error);
  EXPECT_EQ(*failed.last_error, (file_error{"invalid_file", "it is not UTF-8"}));
  set("vs_1", "file-1", "completed", 5);
  EXPECT_FALSE(value_of(entry("vs_1", "file-1")).last_error);
}

TEST_P(store_catalog_contract, a_status_of_an_entry_that_went_meanwhile_changes_nothing) {
  ASSERT_TRUE(add_store("vs_1"));
  for (const auto* store : {"vs_1", "vs_9"})
    EXPECT_TRUE(fails_with(ask<done>([&](auto r) {
                             catalog_->set_status(store, "gone", "completed", {}, 5, std::move(r));
                           }),
                           errc::not_found, "file_id"));
  EXPECT_EQ(value_of(get("vs_1")).file_counts_.total, 0);
}

TEST_P(store_catalog_contract, a_change_of_its_files_makes_a_store_active) {
  ASSERT_TRUE(add_store("vs_1", 1));
  add_file("file-1");
  const auto before = std::time(nullptr);
  ASSERT_TRUE(attach("vs_1", "file-1"));
  const auto active = value_of(get("vs_1")).last_active_at;
  ASSERT_TRUE(active);
  EXPECT_GE(*active, before);
  EXPECT_LE(*active, std::time(nullptr));
}

TEST_P(store_catalog_contract, stores_are_listed_with_their_counts_in_pages) {
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(add_store("vs_" + std::to_string(i), i / 2));
  ASSERT_TRUE(add_store("theirs", 9, "u2"));
  add_file("file-1");
  ASSERT_TRUE(attach("vs_4", "file-1"));
  const auto list = [&](page_query query) {
    return value_of(
        ask<page<store_view>>([&](auto r) { catalog_->list_stores("u1", query, std::move(r)); }));
  };
  const auto first = list({.limit = 3, .ascending = false, .after = {}, .before = {}});
  EXPECT_EQ(ids_of(first), (ids{"vs_5", "vs_4", "vs_3", "+"}));
  EXPECT_EQ(first.items[1].file_counts_.in_progress, 1);
  EXPECT_EQ(first.items[1].status, "in_progress");
  EXPECT_EQ(first.items[2].file_counts_.total, 0);
  EXPECT_EQ(first.items[2].status, "completed");
  EXPECT_EQ(ids_of(list({.limit = 3, .ascending = false, .after = "vs_3", .before = {}})),
            (ids{"vs_2", "vs_1"}));
  EXPECT_EQ(ids_of(list({.limit = 2, .ascending = true, .after = "vs_1", .before = {}})),
            (ids{"vs_2", "vs_3", "+"}));
  EXPECT_EQ(ids_of(list({.limit = 2, .ascending = false, .after = {}, .before = "vs_3"})),
            (ids{"vs_5", "vs_4"}));
}

TEST_P(store_catalog_contract, a_store_list_from_an_unknown_mark_is_invalid) {
  const auto r = ask<page<store_view>>([&](auto answer) {
    catalog_->list_stores("u1", {.limit = 3, .ascending = true, .after = "vs_9", .before = {}},
                          std::move(answer));
  });
  EXPECT_TRUE(fails_with(r, errc::invalid_argument, "after"));
}

TEST_P(store_catalog_contract, store_ids_are_the_users_newest_first) {
  ASSERT_TRUE(add_store("vs_b", 10));
  ASSERT_TRUE(add_store("vs_a", 30));
  ASSERT_TRUE(add_store("vs_c", 20));
  ASSERT_TRUE(add_store("vs_d", 40, "u2"));
  EXPECT_EQ(store_ids("u1"), (ids{"vs_a", "vs_c", "vs_b"}));
  EXPECT_EQ(store_ids("u2"), ids{"vs_d"});
}

TEST_P(store_catalog_contract, entries_are_listed_by_status_and_in_pages) {
  ASSERT_TRUE(add_store("vs_1"));
  for (int i = 1; i <= 5; ++i) {
    const auto file = std::to_string(i);
    add_file(file);
    ASSERT_TRUE(attach("vs_1", file, 10 - i));
  }
  set("vs_1", "2", "completed", 1);
  set("vs_1", "4", "completed", 1);
  EXPECT_EQ(ids_of(value_of(entries("vs_1"))), (ids{"1", "2", "3", "4", "5"}));
  EXPECT_EQ(ids_of(value_of(entries("vs_1", "completed"))), (ids{"2", "4"}));
  EXPECT_EQ(ids_of(value_of(entries("vs_1", "failed"))), ids{});
  EXPECT_EQ(ids_of(value_of(
                entries("vs_1", "", {.limit = 2, .ascending = true, .after = "5", .before = {}}))),
            (ids{"4", "3", "+"}));
  // 2 is completed, and still marks a place among those in progress.
  EXPECT_EQ(ids_of(value_of(entries("vs_1", "in_progress",
                                    {.limit = 9, .ascending = false, .after = "2", .before = {}}))),
            (ids{"3", "5"}));
  EXPECT_TRUE(fails_with(
      entries("vs_1", "", {.limit = 2, .ascending = true, .after = {}, .before = "none"}),
      errc::invalid_argument, "before"));
}

TEST_P(store_catalog_contract, a_detached_file_is_gone_from_the_store_alone) {
  ASSERT_TRUE(add_store("vs_1"));
  ASSERT_TRUE(add_store("vs_2"));
  add_file("file-1");
  ASSERT_TRUE(attach("vs_1", "file-1"));
  ASSERT_TRUE(attach("vs_2", "file-1"));
  ASSERT_TRUE(detach("vs_1", "file-1"));
  EXPECT_TRUE(fails_with(entry("vs_1", "file-1"), errc::not_found, "file_id"));
  EXPECT_TRUE(fails_with(detach("vs_1", "file-1"), errc::not_found, "file_id"));
  EXPECT_TRUE(entry("vs_2", "file-1"));
  EXPECT_TRUE(
      ask<file_view>([&](auto r) { stores_.files->get_file("u1", "file-1", std::move(r)); }));
}

TEST_P(store_catalog_contract, a_deleted_store_takes_its_entries_and_leaves_the_files) {
  ASSERT_TRUE(add_store("vs_1"));
  add_file("file-1");
  ASSERT_TRUE(attach("vs_1", "file-1"));
  ASSERT_TRUE(remove("vs_1"));
  EXPECT_TRUE(fails_with(get("vs_1"), errc::not_found, "vector_store_id"));
  EXPECT_TRUE(fails_with(remove("vs_1"), errc::not_found, "vector_store_id"));
  EXPECT_EQ(pending(), ids{});
  EXPECT_TRUE(
      ask<file_view>([&](auto r) { stores_.files->get_file("u1", "file-1", std::move(r)); }));
  ASSERT_TRUE(add_store("vs_1"));
  EXPECT_EQ(value_of(get("vs_1")).file_counts_.total, 0) << "nothing of the old one comes back";
}

TEST_P(store_catalog_contract, pending_is_what_is_in_progress_of_all_users_oldest_first) {
  ASSERT_TRUE(add_store("vs_1", 1, "u1"));
  ASSERT_TRUE(add_store("vs_2", 1, "u2"));
  for (const auto* f : {"a", "b", "c"}) add_file(f, "u1");
  add_file("d", "u2");
  ASSERT_TRUE(attach("vs_1", "a", 30));
  ASSERT_TRUE(attach("vs_1", "b", 10));
  ASSERT_TRUE(attach("vs_1", "c", 5));
  ASSERT_TRUE(attach("vs_2", "d", 20, "u2"));
  set("vs_1", "c", "completed", 1);
  EXPECT_EQ(pending(), (ids{"u1 vs_1 b", "u2 vs_2 d", "u1 vs_1 a"}));
}

} // namespace
} // namespace troupe::test
