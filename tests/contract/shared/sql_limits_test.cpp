// Goal: what only limits in a database promise: nodes that come and go share them exactly, rows go
// when their time is over, and a server may go and come back. Method: several stores on one
// database, and its tables looked at from beside.
#include "adapters/sql/limit_rows.hpp"
#include "tests/contract/shared/shared_fixture.hpp"

#include <future>
#include <thread>

namespace troupe::test {
namespace {

using enum limit_kind;

class sql_limits : public shared_suite {
protected:
  std::unique_ptr<limit_store> node() { return std::move(open().limits); }

  /// Statements on the same database, beside the stores.
  void say_sql(const std::vector<std::string>& statements) {
    const auto db = value_of(sql::database::open(sql(), sql::limit_schema));
    value_of(ask<done>([&](auto r) {
      db->write<done>(std::move(r), [&](soci::session& s) -> result<done> {
        for (const auto& one : statements) s << one;
        return done{};
      });
    }));
  }
  long long count(const std::string& table) {
    const auto db = value_of(sql::database::open(sql(), sql::limit_schema));
    return value_of(ask<long long>([&](auto r) {
      db->read<long long>(std::move(r), [&](soci::session& s) -> result<long long> {
        long long out = 0;
        s << "select count(*) from " + table, soci::into(out);
        return out;
      });
    }));
  }
};
INSTANTIATE_TEST_SUITE_P(on, sql_limits,
                         ::testing::Values(shared_by::sqlite, shared_by::mariadb,
                                           shared_by::postgresql),
                         adapter_name);

/// Asks for all ids at once; answers each outcome, in their order.
std::vector<std::future<result<limit_verdict>>> ask_all(limit_store& in,
                                                        const std::vector<std::string>& ids,
                                                        const std::vector<limit_want>& wants) {
  std::vector<std::future<result<limit_verdict>>> out;
  for (const auto& id : ids) {
    auto promise = std::make_shared<std::promise<result<limit_verdict>>>();
    out.push_back(promise->get_future());
    in.reserve(id, wants, reply<limit_verdict>([promise](auto r) { promise->set_value(r); }));
  }
  return out;
}

/// How many were granted, where the answer of some is asked for again elsewhere.
int granted(std::vector<std::future<result<limit_verdict>>> said,
            const std::vector<std::string>& ids, const std::vector<limit_want>& wants,
            limit_store& elsewhere, int& lost) {
  int out = 0;
  for (std::size_t n = 0; n < ids.size(); ++n) {
    auto one = said[n].get();
    if (!one) ++lost;
    if (!one) one = ask_all(elsewhere, {ids[n]}, wants).front().get();
    out += value_of(std::move(one)).granted ? 1 : 0;
  }
  return out;
}

TEST_P(sql_limits, of_100_exactly_100_are_granted_though_a_node_goes_midway) {
  std::vector<std::unique_ptr<limit_store>> nodes;
  for (int n = 0; n < 3; ++n) nodes.push_back(node());
  const std::vector<limit_want> wants{want("org:o", requests, 100, 1h),
                                      want("key:k", tokens, 1000, 1h, 2)};
  std::atomic<int> all = 0;
  int lost = 0;
  {
    std::vector<std::jthread> asking;
    for (int client = 0; client < 12; ++client)
      asking.emplace_back([&, client] {
        auto& in = *nodes[static_cast<std::size_t>(client % 2)];
        for (int n = 0; n < 15; ++n) {
          const auto id = std::to_string(client) + '-' + std::to_string(n);
          all += value_of(reserve(in, id, wants)).granted ? 1 : 0;
        }
      });
    std::vector<std::string> ids;
    for (int n = 0; n < 2000; ++n) ids.push_back("going-" + std::to_string(n));
    auto said = ask_all(*nodes[2], ids, wants);
    said.front().wait();
    nodes[2].reset();
    all += granted(std::move(said), ids, wants, *nodes[0], lost);
  }
  EXPECT_EQ(all, 100);
  EXPECT_GT(lost, 0) << "the node was not busy when it went";
  EXPECT_EQ(value_of(reserve(*nodes[1], "look", {want("org:o", requests, 100, 1h, 0)}))
                .states[0]
                .remaining,
            0);
}

TEST_P(sql_limits, what_a_node_granted_counts_for_the_next_that_opens) {
  const std::vector<limit_want> wants{want("s", tokens, 10, 1h, 6), want("s", streams, 1, 1h)};
  EXPECT_TRUE(value_of(reserve(*node(), "a", wants)).granted);
  const auto next = node();
  EXPECT_FALSE(value_of(reserve(*next, "b", wants)).granted);
  EXPECT_TRUE(value_of(reserve(*next, "a", wants)).granted) << "a repeat, elsewhere";
  value_of(settle(*next, "a", {1, 1}));
  EXPECT_TRUE(value_of(reserve(*node(), "b", wants)).granted);
}

TEST_P(sql_limits, rows_whose_time_is_long_over_are_dropped_and_others_stay) {
  EXPECT_TRUE(value_of(reserve(*node(), "stays", {want("s", requests, 9, 1h)})).granted);
  std::vector<std::string> old;
  for (int n = 0; n < 450; ++n) {
    const auto row = std::to_string(n) + "', '', 1)";
    old.push_back("insert into limit_counters (name, state, expires_at) values ('0:1000:" + row);
    old.push_back("insert into limit_records (name, wants, expires_at) values ('" + row);
  }
  say_sql(old);
  const auto in = node(); // sweeps with its first calls
  for (int n = 0; n < 4; ++n) value_of(settle(*in, "nobody", {}));
  EXPECT_EQ(count("limit_counters"), 1);
  EXPECT_EQ(count("limit_records"), 1);
  EXPECT_EQ(value_of(reserve(*in, "next", {want("s", requests, 9, 1h)})).states[0].remaining, 7);
}

TEST_P(sql_limits, a_server_that_is_gone_is_unavailable_and_what_was_granted_is_still_there) {
  if (!on_sql_server(GetParam())) GTEST_SKIP() << "it has no server";
  const auto in = node();
  const std::vector<limit_want> wants{want("s", requests, 2, 1h)};
  EXPECT_TRUE(value_of(reserve(*in, "a", wants)).granted);
  say("kill");
  EXPECT_TRUE(fails_with(reserve(*in, "b", wants), errc::unavailable));
  say("start");
  result<limit_verdict> said = fail(errc::unavailable, "not yet");
  for (const auto until = steady::now() + 5s; !said && steady::now() < until;)
    said = reserve(*in, "b", wants);
  EXPECT_EQ(value_of(std::move(said)).states[0].remaining, 0);
  EXPECT_FALSE(value_of(reserve(*in, "c", wants)).granted);
}

TEST(limit_rows, a_counter_and_a_record_are_read_as_they_were_written) {
  auto leases = limit_rules::make_counter(limit_kind::streams, 60s);
  std::get<limit_rules::lease_set>(leases).hold(std::string("an id\0%", 7), 5000);
  const auto row = sql::row_of(leases);
  EXPECT_EQ(row.expires_at, 5000);
  const auto again = sql::counter_of("3:60000:s", row.text);
  EXPECT_EQ(std::get<limit_rules::lease_set>(again).leases(),
            std::get<limit_rules::lease_set>(leases).leases());
  const limit_rules::record made{{{"0:1000:a b%", 7, 8, 9}, {"3:60000:s", 0, 1, 60000}}, 77};
  const auto read = sql::record_of(sql::row_of(made));
  ASSERT_EQ(read.wants.size(), 2u);
  EXPECT_EQ(read.wants[0].counter, "0:1000:a b%");
  EXPECT_EQ(read.wants[0].bucket, 7);
  EXPECT_EQ(read.wants[1].lease_ms, 60000);
  EXPECT_EQ(read.until, 77);
}

TEST(limit_rows, a_damaged_row_throws) {
  for (const char* text : {"1", "1 x", "x 1", "1 2 3", "1  2"})
    EXPECT_THROW((void)sql::counter_of("0:1000:s", text), soci::soci_error) << text;
  EXPECT_THROW((void)sql::record_of({"name 1 2", 0}), soci::soci_error);
}

} // namespace
} // namespace troupe::test
