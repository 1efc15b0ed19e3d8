// Goal: the stores may be called from any thread, and a read sees every write whose reply came
// before. Method: many threads append and look up what they just wrote; replies that call the store
// again. Also meant for the thread sanitizer.
#include "tests/contract/stores/store_fixture.hpp"

#include <set>
#include <thread>

namespace troupe::test {
namespace {

log_record record(const std::string& id) {
  log_record r;
  r.id = id;
  r.time = "2026-01-01T00:00:00.000000Z";
  r.service = "tests";
  r.message = "message of " + id;
  r.user = "u1";
  return r;
}

class stores_under_threads : public store_suite {};
TROUPE_ON_EVERY_ADAPTER(stores_under_threads);

TEST_P(stores_under_threads, sixteen_threads_append_and_each_sees_its_own_records_at_once) {
  constexpr int threads = 16, each = 100;
  const auto log = open_log();
  std::atomic<int> missed = 0, failed = 0;
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < threads; ++t)
      writers.emplace_back([&, t] {
        for (int i = 0; i < each; ++i) {
          const auto id = "log_" + std::to_string(t) + '-' + std::to_string(i);
          if (!ask<done>([&](auto r) { log->append({record(id)}, std::move(r)); })) ++failed;
          if (i % 10 == 0 && !ask<log_record>([&](auto r) { log->get("u1", id, std::move(r)); }))
            ++missed;
        }
      });
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(missed, 0);
  std::set<std::string> seen;
  log_filter f;
  f.user = "u1";
  f.limit = 1000;
  do {
    const auto slice = value_of(ask<log_slice>([&](auto r) { log->list(f, std::move(r)); }));
    for (const auto& r : slice.records) EXPECT_TRUE(seen.insert(r.id).second) << r.id;
    f.before = slice.next;
  } while (!f.before.empty());
  EXPECT_EQ(seen.size(), std::size_t{threads * each});
}

TEST_P(stores_under_threads, a_reply_may_call_the_store_again) {
  const auto stores = open_prompt();
  auto* talks = stores.conversations.get();
  std::promise<result<std::vector<turn_row>>> answer;
  talks->create("u1", "conv_1", reply<done>([&](auto created) {
                  ASSERT_TRUE(created);
                  talks->append("u1", "conv_1", {{"user", "hi"}}, {},
                                reply<done>([&](auto appended) {
                                  ASSERT_TRUE(appended);
                                  talks->last_turns("u1", "conv_1", 5,
                                                    reply<std::vector<turn_row>>([&](auto turns) {
                                                      answer.set_value(std::move(turns));
                                                    }));
                                }));
                }));
  EXPECT_EQ(value_of(answer.get_future().get()).size(), 1u);
}

TEST_P(stores_under_threads, a_store_that_is_destroyed_answers_all_that_waits) {
  std::atomic<int> answered = 0, stored = 0;
  {
    const auto log = open_log();
    for (int i = 0; i < 200; ++i)
      log->append({record("log_" + std::to_string(i))}, reply<done>([&](auto r) {
                    ++answered;
                    if (r) ++stored;
                  }));
  }
  EXPECT_EQ(answered, 200);
  EXPECT_EQ(stored, 200);
}

TEST_P(stores_under_threads, a_file_is_read_whole_or_not_at_all_while_it_is_deleted) {
  const auto stores = open_prompt();
  const std::string bytes(100'000, 'x');
  for (int round = 0; round < 20; ++round) {
    file_view file;
    file.id = "file-" + std::to_string(round);
    value_of(
        ask<done>([&](auto r) { stores.files->insert_file("u1", file, bytes, std::move(r)); }));
    std::jthread deleter([&] {
      value_of(ask<std::vector<std::string>>(
          [&](auto r) { stores.files->delete_file("u1", file.id, std::move(r)); }));
    });
    for (;;) {
      const auto read =
          ask<std::string>([&](auto r) { stores.files->read_file("u1", file.id, std::move(r)); });
      if (!read) {
        EXPECT_TRUE(fails_with(read, errc::not_found, "file_id"));
        break;
      }
      ASSERT_EQ(read->size(), bytes.size());
    }
  }
}

} // namespace
} // namespace troupe::test
