// Goal: every adapter keeps the contract of file_store (actors/ports/document_store.hpp). Method:
// one suite of calls and answers, run on SQLite and in memory.
#include "tests/contract/stores/store_fixture.hpp"

namespace troupe::test {
namespace {

using ids = std::vector<std::string>;

class file_store_contract : public store_suite {
protected:
  result<done> insert(const std::string& id, std::int64_t created_at,
                      const std::string& bytes = "x", const std::string& purpose = "assistants",
                      const std::string& user = "u1") {
    file_view file;
    file.id = id;
    file.bytes = static_cast<std::int64_t>(bytes.size());
    file.created_at = created_at;
    file.filename = id + ".md";
    file.purpose = purpose;
    file.sha256 = "sha-" + id;
    return ask<done>([&](auto r) { files_->insert_file(user, file, bytes, std::move(r)); });
  }
  result<file_view> get(const std::string& id, const std::string& user = "u1") {
    return ask<file_view>([&](auto r) { files_->get_file(user, id, std::move(r)); });
  }
  result<std::string> read(const std::string& id, const std::string& user = "u1") {
    return ask<std::string>([&](auto r) { files_->read_file(user, id, std::move(r)); });
  }
  result<page<file_view>> list(const page_query& query, const std::string& purpose = "",
                               const std::string& user = "u1") {
    return ask<page<file_view>>(
        [&](auto r) { files_->list_files(user, purpose, query, std::move(r)); });
  }
  /// The ids of a page, with `+` behind the last when there is more.
  ids listed(const page_query& query, const std::string& purpose = "") {
    const auto p = value_of(list(query, purpose));
    ids out;
    for (const auto& f : p.items) out.push_back(f.id);
    if (p.has_more) out.emplace_back("+");
    return out;
  }
  result<std::vector<std::string>> remove(const std::string& id, const std::string& user = "u1") {
    return ask<std::vector<std::string>>(
        [&](auto r) { files_->delete_file(user, id, std::move(r)); });
  }

  prompt_stores stores_ = open_prompt();
  file_store* files_ = stores_.files.get();
};
TROUPE_ON_EVERY_ADAPTER(file_store_contract);

TEST_P(file_store_contract, a_file_comes_back_with_every_field_and_byte) {
  std::string bytes;
  for (int i = 0; i < 4096; ++i) bytes += static_cast<char>(i * 7); // every byte, zero too
  ASSERT_TRUE(insert("file-1", 5'000'000'000, bytes));
  const auto file = value_of(get("file-1"));
  EXPECT_EQ(file.id, "file-1");
  EXPECT_EQ(file.object, "file");
  EXPECT_EQ(file.bytes, 4096);
  EXPECT_EQ(file.created_at, 5'000'000'000);
  EXPECT_EQ(file.filename, "file-1.md");
  EXPECT_EQ(file.purpose, "assistants");
  EXPECT_EQ(file.sha256, "sha-file-1");
  EXPECT_EQ(file.status, "processed");
  EXPECT_EQ(value_of(read("file-1")), bytes);
}

TEST_P(file_store_contract, an_empty_file_and_a_large_one_come_back_whole) {
  const std::string large((32u << 20) - 100, '\xFE');
  ASSERT_TRUE(insert("empty", 1, ""));
  ASSERT_TRUE(insert("large", 2, large));
  EXPECT_EQ(value_of(read("empty")), "");
  EXPECT_TRUE(value_of(read("large")) == large);
}

TEST_P(file_store_contract, an_id_that_is_taken_is_a_conflict) {
  ASSERT_TRUE(insert("file-1", 1, "first"));
  EXPECT_TRUE(fails_with(insert("file-1", 2, "second"), errc::conflict));
  EXPECT_TRUE(fails_with(insert("file-1", 2, "second", "assistants", "u2"), errc::conflict));
  EXPECT_EQ(value_of(read("file-1")), "first");
}

TEST_P(file_store_contract, another_users_file_is_not_found) {
  ASSERT_TRUE(insert("file-1", 1));
  EXPECT_TRUE(fails_with(get("file-1", "u2"), errc::not_found, "file_id"));
  EXPECT_TRUE(fails_with(read("file-1", "u2"), errc::not_found, "file_id"));
  EXPECT_TRUE(fails_with(remove("file-1", "u2"), errc::not_found, "file_id"));
  EXPECT_EQ(value_of(list({}, "", "u2")).items.size(), 0u);
  EXPECT_TRUE(get("file-1"));
}

TEST_P(file_store_contract, a_deleted_file_is_gone) {
  ASSERT_TRUE(insert("file-1", 1));
  EXPECT_EQ(value_of(remove("file-1")), ids{});
  EXPECT_TRUE(fails_with(get("file-1"), errc::not_found, "file_id"));
  EXPECT_TRUE(fails_with(read("file-1"), errc::not_found, "file_id"));
  EXPECT_TRUE(fails_with(remove("file-1"), errc::not_found, "file_id"));
  EXPECT_TRUE(insert("file-1", 2)) << "its id is free again";
}

TEST_P(file_store_contract, deleting_a_file_detaches_it_from_every_store_and_tells_which) {
  auto* catalog = stores_.stores.get();
  for (const auto* file : {"file-1", "file-2"}) ASSERT_TRUE(insert(file, 1));
  for (const auto* id : {"vs_a", "vs_b", "vs_c"}) {
    store_view store;
    store.id = id;
    value_of(ask<done>([&](auto r) { catalog->insert_store("u1", store, {}, std::move(r)); }));
  }
  for (const auto& [store, file] :
       {std::pair("vs_a", "file-1"), std::pair("vs_c", "file-1"), std::pair("vs_a", "file-2")}) {
    store_file_view entry;
    entry.id = file;
    entry.vector_store_id = store;
    value_of(ask<store_file_view>([&](auto r) { catalog->attach("u1", entry, std::move(r)); }));
  }
  EXPECT_EQ(value_of(remove("file-1")), (ids{"vs_a", "vs_c"}));
  const auto left =
      value_of(ask<store_view>([&](auto r) { catalog->get_store("u1", "vs_a", std::move(r)); }));
  EXPECT_EQ(left.file_counts_.total, 1);
}

TEST_P(file_store_contract, a_list_is_ordered_by_creation_then_id_both_ways) {
  ASSERT_TRUE(insert("c", 10));
  ASSERT_TRUE(insert("a", 20));
  ASSERT_TRUE(insert("b", 20));
  EXPECT_EQ(listed({.limit = 10, .ascending = true, .after = {}, .before = {}}),
            (ids{"c", "a", "b"}));
  EXPECT_EQ(listed({.limit = 10, .ascending = false, .after = {}, .before = {}}),
            (ids{"b", "a", "c"}));
}

TEST_P(file_store_contract, a_list_may_be_of_one_purpose) {
  ASSERT_TRUE(insert("a", 1, "x", "assistants"));
  ASSERT_TRUE(insert("b", 2, "x", "user_data"));
  ASSERT_TRUE(insert("c", 3, "x", "assistants"));
  EXPECT_EQ(listed({}, "assistants"), (ids{"c", "a"}));
  EXPECT_EQ(listed({}, "batch"), ids{});
}

class file_pages : public file_store_contract {
protected:
  file_pages() {
    for (int i = 1; i <= 7; ++i) value_of(insert(std::to_string(i), i / 3)); // keys are shared
  }
};
TROUPE_ON_EVERY_ADAPTER(file_pages);

TEST_P(file_pages, after_goes_on_behind_an_object) {
  EXPECT_EQ(listed({.limit = 3, .ascending = true, .after = {}, .before = {}}),
            (ids{"1", "2", "3", "+"}));
  EXPECT_EQ(listed({.limit = 3, .ascending = true, .after = "3", .before = {}}),
            (ids{"4", "5", "6", "+"}));
  EXPECT_EQ(listed({.limit = 3, .ascending = true, .after = "6", .before = {}}), ids{"7"});
  EXPECT_EQ(listed({.limit = 3, .ascending = false, .after = "5", .before = {}}),
            (ids{"4", "3", "2", "+"}));
  EXPECT_EQ(listed({.limit = 3, .ascending = false, .after = "1", .before = {}}), ids{});
}

TEST_P(file_pages, before_is_the_page_that_ends_at_an_object) {
  EXPECT_EQ(listed({.limit = 3, .ascending = true, .after = {}, .before = "6"}),
            (ids{"3", "4", "5", "+"}));
  EXPECT_EQ(listed({.limit = 3, .ascending = true, .after = {}, .before = "4"}),
            (ids{"1", "2", "3"}));
  EXPECT_EQ(listed({.limit = 3, .ascending = false, .after = {}, .before = "3"}),
            (ids{"6", "5", "4", "+"}));
  EXPECT_EQ(listed({.limit = 3, .ascending = false, .after = {}, .before = "7"}), ids{});
}

TEST_P(file_pages, after_and_before_together_are_what_lies_between) {
  EXPECT_EQ(listed({.limit = 9, .ascending = true, .after = "2", .before = "6"}),
            (ids{"3", "4", "5"}));
  EXPECT_EQ(listed({.limit = 2, .ascending = false, .after = "6", .before = "2"}),
            (ids{"5", "4", "+"}));
  EXPECT_EQ(listed({.limit = 9, .ascending = true, .after = "6", .before = "2"}), ids{});
}

TEST_P(file_pages, a_mark_that_is_not_the_callers_is_an_invalid_argument) {
  ASSERT_TRUE(insert("theirs", 1, "x", "assistants", "u2"));
  for (const auto* mark : {"unknown", "theirs"}) {
    EXPECT_TRUE(fails_with(list({.limit = 3, .ascending = true, .after = mark, .before = {}}),
                           errc::invalid_argument, "after"));
    EXPECT_TRUE(fails_with(list({.limit = 3, .ascending = true, .after = {}, .before = mark}),
                           errc::invalid_argument, "before"));
  }
}

TEST_P(file_pages, a_mark_may_be_of_another_purpose) {
  ASSERT_TRUE(insert("other", 1, "x", "user_data")); // sorts behind 5, which shares its time
  EXPECT_EQ(listed({.limit = 9, .ascending = true, .after = "other", .before = {}}, "assistants"),
            (ids{"6", "7"}));
}

} // namespace
} // namespace troupe::test
