// Goal: every adapter deletes all that a user owns in steps of a bounded size, leaves others'
// alone, and goes on where it was broken off (the methods purge and detach_all of actors/ports).
// Method: two users with the same kinds of objects; steps far smaller than what there is.
#include "messages/base/limits.hpp"
#include "tests/contract/stores/store_fixture.hpp"

#include <functional>

namespace troupe::test {
namespace {

using counts = std::vector<std::uint64_t>;
using one_step = std::function<void(reply<purge_step>)>;

/// What each step deleted, to the end.
counts all_steps(const one_step& next) {
  counts deleted;
  for (bool more = true; more;) {
    const auto step = value_of(ask<purge_step>([&](auto r) { next(std::move(r)); }));
    deleted.push_back(step.deleted);
    more = step.more;
  }
  return deleted;
}

// records

log_record record(int n, const std::string& user) {
  log_record r;
  r.id = "log_" + user + std::to_string(n);
  r.time = "2026-01-01T00:00:0" + std::to_string(n % 10) + ".000000Z";
  r.service = "tests";
  r.message = "hello";
  r.user = user;
  return r;
}

class log_purge : public store_suite {
protected:
  void add(int from, int to, const std::string& user) {
    std::vector<log_record> records;
    for (int n = from; n < to; ++n) records.push_back(record(n, user));
    value_of(ask<done>([&](auto r) { log_->append(records, std::move(r)); }));
  }
  std::size_t left(const std::string& user) {
    log_filter filter;
    filter.user = user;
    filter.limit = 1000;
    return value_of(ask<log_slice>([&](auto r) { log_->list(filter, std::move(r)); }))
        .records.size();
  }
  counts purge(std::uint32_t max) {
    return all_steps([&](auto r) { log_->purge("u1", max, std::move(r)); });
  }

  std::unique_ptr<log_store> log_ = open_log();
};
TROUPE_ON_EVERY_ADAPTER(log_purge);

TEST_P(log_purge, takes_all_records_of_the_user_and_none_of_another) {
  add(0, 25, "u1");
  add(0, 25, "u2");
  EXPECT_EQ(purge(10), (counts{10, 10, 5}));
  EXPECT_EQ(left("u1"), 0u);
  EXPECT_EQ(left("u2"), 25u);
  EXPECT_EQ(purge(10), counts{0}) << "nothing is left for a second purge";
}

TEST_P(log_purge, may_be_repeated_and_records_may_come_again_behind_it) {
  add(0, 20, "u1");
  EXPECT_EQ(purge(20), (counts{20, 0})) << "a full step cannot know that it was the last";
  add(0, 3, "u1");
  add(0, 3, "u2");
  add(3, 6, "u1");
  EXPECT_EQ(left("u1"), 6u);
  EXPECT_EQ(left("u2"), 3u);
  EXPECT_EQ(purge(100), counts{6});
}

// conversations

class conversation_purge : public store_suite {
protected:
  void talk(const std::string& id, int turns, const std::string& user) {
    value_of(ask<done>([&](auto r) { talks_->create(user, id, std::move(r)); }));
    for (int n = 0; n < turns; ++n) value_of(say(id, std::to_string(n), user));
  }
  result<done> say(const std::string& id, const std::string& text, const std::string& user) {
    return ask<done>([&](auto r) { talks_->append(user, id, {{"user", text}}, {}, std::move(r)); });
  }
  result<std::vector<turn_row>> last(const std::string& id, const std::string& user) {
    return ask<std::vector<turn_row>>(
        [&](auto r) { talks_->last_turns(user, id, 100, std::move(r)); });
  }
  one_step step(std::uint32_t max) {
    return [this, max](auto r) { talks_->purge("u1", max, std::move(r)); };
  }

  prompt_stores stores_ = open_prompt();
  conversation_store* talks_ = stores_.conversations.get();
};
TROUPE_ON_EVERY_ADAPTER(conversation_purge);

TEST_P(conversation_purge, takes_all_conversations_of_the_user_and_none_of_another) {
  for (const auto* id : {"a", "b", "c"}) talk(id, 3, "u1");
  talk("theirs", 3, "u2");
  // 12 rows, 5 a step: a and a turn of b; the rest of b and two turns of c; the rest of c.
  EXPECT_EQ(all_steps(step(5)), (counts{1, 1, 1}));
  for (const auto* id : {"a", "b", "c"})
    EXPECT_TRUE(fails_with(last(id, "u1"), errc::not_found, "conversation_id"));
  EXPECT_EQ(value_of(last("theirs", "u2")).size(), 3u);
  EXPECT_EQ(all_steps(step(5)), counts{0});
}

TEST_P(conversation_purge, broken_off_it_leaves_a_shorter_conversation_that_takes_turns) {
  talk("a", 6, "u1");
  const auto first =
      value_of(ask<purge_step>([&](auto r) { talks_->purge("u1", 4, std::move(r)); }));
  EXPECT_EQ(first.deleted, 0u);
  EXPECT_TRUE(first.more);
  ASSERT_TRUE(say("a", "new", "u1"));
  const auto turns = value_of(last("a", "u1"));
  ASSERT_EQ(turns.size(), 3u);
  EXPECT_EQ(turns[1].text, "1");
  EXPECT_EQ(turns[2].text, "new");
  EXPECT_EQ(all_steps(step(100)), counts{1});
}

TEST_P(conversation_purge, a_late_append_does_not_bring_a_conversation_back) {
  talk("a", 2, "u1");
  EXPECT_EQ(all_steps(step(100)), counts{1});
  EXPECT_TRUE(fails_with(say("a", "late", "u1"), errc::not_found, "conversation_id"));
  EXPECT_EQ(all_steps(step(100)), counts{0});
}

// files and vector stores

class document_purge : public store_suite {
protected:
  void add_file(const std::string& id, const std::string& user, const std::string& bytes = "x") {
    file_view file;
    file.id = id;
    file.filename = id + ".md";
    file.bytes = static_cast<std::int64_t>(bytes.size());
    value_of(ask<done>([&](auto r) { files_->insert_file(user, file, bytes, std::move(r)); }));
  }
  void add_store(const std::string& id, const std::vector<std::string>& files,
                 const std::string& user) {
    store_view store;
    store.id = id;
    value_of(ask<done>([&](auto r) { catalog_->insert_store(user, store, files, std::move(r)); }));
  }
  std::int64_t files_in(const std::string& store, const std::string& user) {
    return value_of(
               ask<store_view>([&](auto r) { catalog_->get_store(user, store, std::move(r)); }))
        .file_counts_.total;
  }
  std::size_t pending() {
    return value_of(
               ask<std::vector<pending_file>>([&](auto r) { catalog_->pending(std::move(r)); }))
        .size();
  }
  std::size_t files_of(const std::string& user) {
    return value_of(ask<page<file_view>>(
                        [&](auto r) { files_->list_files(user, {}, {}, std::move(r)); }))
        .items.size();
  }
  result<std::string> read(const std::string& id, const std::string& user) {
    return ask<std::string>([&](auto r) { files_->read_file(user, id, std::move(r)); });
  }
  counts purge_files(std::uint32_t max) {
    return all_steps([&](auto r) { files_->purge("u1", max, std::move(r)); });
  }
  counts detach_all(std::uint32_t max) {
    return all_steps([&](auto r) { catalog_->detach_all("u1", max, std::move(r)); });
  }

  prompt_stores stores_ = open_prompt();
  file_store* files_ = stores_.files.get();
  store_catalog* catalog_ = stores_.stores.get();
};
TROUPE_ON_EVERY_ADAPTER(document_purge);

TEST_P(document_purge, takes_all_files_of_the_user_with_their_bytes_and_none_of_another) {
  for (const auto* id : {"a", "b", "c", "d", "e"}) add_file(id, "u1");
  add_file("theirs", "u2", "kept");
  EXPECT_EQ(purge_files(2), (counts{2, 2, 1}));
  EXPECT_EQ(files_of("u1"), 0u);
  EXPECT_TRUE(fails_with(read("a", "u1"), errc::not_found, "file_id"));
  EXPECT_EQ(value_of(read("theirs", "u2")), "kept");
  EXPECT_EQ(purge_files(2), counts{0});
  add_file("a", "u2"); // fails if the bytes of the first were there still
}

TEST_P(document_purge, a_step_ends_early_when_it_has_much_content) {
  const std::string half(limits::purge_bytes / 2, 'x');
  for (const auto* id : {"a", "b", "c"}) add_file(id, "u1", half);
  EXPECT_EQ(purge_files(1000), (counts{2, 1}));
}

TEST_P(document_purge, a_purged_file_is_in_no_store_any_more) {
  for (const auto* id : {"a", "b"}) add_file(id, "u1");
  add_store("vs_1", {"a", "b"}, "u1");
  EXPECT_EQ(purge_files(10), counts{2});
  EXPECT_EQ(files_in("vs_1", "u1"), 0);
}

TEST_P(document_purge, detaching_all_leaves_the_stores_and_nothing_to_be_indexed) {
  for (const auto* id : {"a", "b", "c"}) add_file(id, "u1");
  add_file("theirs", "u2");
  add_store("vs_1", {"a", "b", "c"}, "u1");
  add_store("vs_2", {"c"}, "u1");
  add_store("vs_3", {"theirs"}, "u2");
  EXPECT_EQ(pending(), 5u);
  EXPECT_EQ(detach_all(3), (counts{3, 1}));
  EXPECT_EQ(pending(), 1u);
  EXPECT_EQ(files_in("vs_1", "u1"), 0);
  EXPECT_EQ(files_in("vs_2", "u1"), 0);
  EXPECT_EQ(files_in("vs_3", "u2"), 1);
  EXPECT_EQ(files_of("u1"), 3u);
  EXPECT_EQ(detach_all(3), counts{0});
}

TEST_P(document_purge, the_status_of_a_file_that_left_its_store_is_not_found) {
  add_file("a", "u1");
  add_store("vs_1", {"a"}, "u1");
  EXPECT_EQ(detach_all(10), counts{1});
  EXPECT_TRUE(fails_with(ask<done>([&](auto r) {
                           catalog_->set_status("vs_1", "a", "completed", {}, 1, std::move(r));
                         }),
                         errc::not_found, "file_id"));
}

} // namespace
} // namespace troupe::test
