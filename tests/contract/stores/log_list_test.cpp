// Goal: every adapter keeps the contract of log_store's list: order, filters, cursors. Method: one
// suite of calls and answers, run on SQLite and in memory.
#include "messages/base/limits.hpp"
#include "tests/contract/stores/store_fixture.hpp"

namespace troupe::test {
namespace {

using ids = std::vector<std::string>;

class log_list_contract : public store_suite {
protected:
  void add(const std::string& id, int second, const std::string& message = "hello",
           log_level level = log_level::info, const std::string& service = "tests",
           const std::string& user = "u1") {
    log_record r;
    r.id = id;
    r.time = "2026-01-01T00:00:" + std::string(second < 10 ? "0" : "") + std::to_string(second) +
             ".000000Z";
    r.message = message;
    r.level = level;
    r.service = service;
    r.user = user;
    value_of(ask<done>([&](auto answer) { log_->append({r}, std::move(answer)); }));
  }
  result<log_slice> list(const log_filter& filter) {
    return ask<log_slice>([&](auto r) { log_->list(filter, std::move(r)); });
  }
  ids found(const log_filter& filter) {
    ids out;
    for (const auto& r : value_of(list(filter)).records) out.push_back(r.id);
    return out;
  }
  static log_filter mine() {
    log_filter f;
    f.user = "u1";
    return f;
  }
  ids found_words(std::vector<std::string> words) {
    auto f = mine();
    f.words = std::move(words);
    return found(f);
  }

  std::unique_ptr<log_store> log_ = open_log();
};
TROUPE_ON_EVERY_ADAPTER(log_list_contract);

TEST_P(log_list_contract, records_come_newest_first_by_time_then_by_arrival) {
  add("b", 5);
  add("d", 9);
  add("a", 5);
  add("c", 1);
  EXPECT_EQ(found(mine()), (ids{"d", "a", "b", "c"}));
  EXPECT_EQ(value_of(list(mine())).next, "");
}

TEST_P(log_list_contract, only_the_users_own_records_come) {
  add("mine", 1);
  add("theirs", 2, "hello", log_level::info, "tests", "u2");
  EXPECT_EQ(found(mine()), ids{"mine"});
}

TEST_P(log_list_contract, level_and_service_filter_exactly) {
  add("a", 1, "m", log_level::warn, "one");
  add("b", 2, "m", log_level::debug, "one");
  add("c", 3, "m", log_level::warn, "two");
  auto f = mine();
  f.level = log_level::warn;
  EXPECT_EQ(found(f), (ids{"c", "a"}));
  f.service = "one";
  EXPECT_EQ(found(f), ids{"a"});
  f.level = log_level::debug;
  EXPECT_EQ(found(f), ids{"b"});
  f.service = "on";
  EXPECT_EQ(found(f), ids{});
}

TEST_P(log_list_contract, since_is_inclusive_and_until_is_not) {
  for (int i = 1; i <= 4; ++i) add(std::to_string(i), i);
  auto f = mine();
  f.since = "2026-01-01T00:00:02.000000Z";
  EXPECT_EQ(found(f), (ids{"4", "3", "2"}));
  f.until = "2026-01-01T00:00:04.000000Z";
  EXPECT_EQ(found(f), (ids{"3", "2"}));
}

TEST_P(log_list_contract, every_word_must_occur_whatever_its_case) {
  add("a", 1, "Chat Completed for model extract");
  add("b", 2, "chat failed");
  EXPECT_EQ(found_words({"CHAT"}), (ids{"b", "a"}));
  EXPECT_EQ(found_words({"chat", "completed"}), ids{"a"});
  EXPECT_EQ(found_words({"chat", "nothing"}), ids{});
  EXPECT_EQ(found_words({"omplet"}), ids{"a"});
}

TEST_P(log_list_contract, signs_that_databases_read_as_patterns_are_plain_in_words) {
  add("percent", 1, "disk 100% full");
  add("under", 2, "snake_case");
  add("bang", 3, "stop! now");
  add("plain", 4, "disk 1000 snakeXcase stop now");
  add("back", 5, R"(C:\temp 'quoted')");
  EXPECT_EQ(found_words({"100%"}), ids{"percent"});
  EXPECT_EQ(found_words({"%"}), ids{"percent"});
  EXPECT_EQ(found_words({"snake_case"}), ids{"under"});
  EXPECT_EQ(found_words({"stop!"}), ids{"bang"});
  EXPECT_EQ(found_words({R"(c:\TEMP)"}), ids{"back"});
  EXPECT_EQ(found_words({"'quoted'"}), ids{"back"});
}

TEST_P(log_list_contract, too_many_words_are_refused) {
  add("a", 1, "x");
  EXPECT_EQ(found_words(std::vector<std::string>(log_words_max, "x")), ids{"a"});
  auto f = mine();
  f.words.assign(log_words_max + 1, "x");
  EXPECT_TRUE(fails_with(list(f), errc::invalid_argument, "q"));
}

TEST_P(log_list_contract, pages_follow_each_other_without_gap_or_repeat) {
  ids expected;
  for (int i = 0; i < 25; ++i) { // several records share a second
    add("log_" + std::to_string(i), i / 4);
    expected.insert(expected.begin(), "log_" + std::to_string(i));
  }
  ids seen;
  auto f = mine();
  f.limit = 4;
  for (int pages = 0; pages < 10; ++pages) {
    const auto slice = value_of(list(f));
    for (const auto& r : slice.records) seen.push_back(r.id);
    f.before = slice.next;
    if (f.before.empty()) break;
    EXPECT_EQ(slice.records.size(), 4u);
  }
  EXPECT_EQ(seen, expected);
}

TEST_P(log_list_contract, a_page_of_large_records_ends_early_and_the_next_goes_on) {
  const std::string large(limits::log_page_bytes / 2, 'x');
  for (int i = 0; i < 5; ++i) add(std::to_string(i), i, large);
  const auto first = value_of(list(mine()));
  EXPECT_EQ(first.records.size(), 2u);
  auto f = mine();
  f.before = first.next;
  EXPECT_EQ(found(f), (ids{"2", "1"}));
}

TEST_P(log_list_contract, a_page_that_ends_with_the_last_record_has_no_next) {
  for (int i = 0; i < 4; ++i) add(std::to_string(i), i);
  auto f = mine();
  f.limit = 4;
  EXPECT_EQ(value_of(list(f)).next, "");
  f.limit = 2;
  f.before = value_of(list(f)).next;
  const auto last = value_of(list(f));
  EXPECT_EQ(last.records.size(), 2u);
  EXPECT_EQ(last.next, "");
}

TEST_P(log_list_contract, records_that_arrive_between_pages_do_not_shift_them) {
  for (int i = 0; i < 6; ++i) add(std::to_string(i), i);
  auto f = mine();
  f.limit = 3;
  const auto first = value_of(list(f));
  add("new", 50);
  f.before = first.next;
  EXPECT_EQ(found(f), (ids{"2", "1", "0"}));
}

TEST_P(log_list_contract, pages_keep_their_filters) {
  for (int i = 0; i < 10; ++i)
    add(std::to_string(i), i, i % 2 ? "odd one" : "even one", log_level::info, "svc");
  auto f = mine();
  f.service = "svc";
  f.words = {"ODD"};
  f.limit = 3;
  const auto first = value_of(list(f));
  ASSERT_EQ(first.records.size(), 3u);
  f.before = first.next;
  EXPECT_EQ(found(f), (ids{"3", "1"}));
}

TEST_P(log_list_contract, a_cursor_that_this_store_never_made_is_invalid) {
  add("a", 1);
  for (const auto* cursor : {"nonsense", "~", "~5", "2026~", "2026-01-01T00:00:00Z~5x",
                             "2026-01-01T00:00:00Z~99999999999999999999999"}) {
    auto f = mine();
    f.before = cursor;
    EXPECT_TRUE(fails_with(list(f), errc::invalid_argument, "cursor")) << cursor;
  }
}

} // namespace
} // namespace troupe::test
