// Goal: what only leases in a database promise: processes that come and go share them exactly,
// other stores check epochs in their own transactions, a frozen process blocks nobody for long, and
// a file's leases end with the machine's restart. Method: several stores and processes on one
// database, and its tables looked at and altered from beside.
#include "adapters/sql/database.hpp"
#include "adapters/sql/lease_fence.hpp"
#include "tests/contract/leases/lease_fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <fstream>
#include <future>
#include <map>
#include <set>
#include <thread>

namespace troupe::test {
namespace {

class sql_leases : public lease_suite {
protected:
  /// A database object beside the stores, as another role's store would have.
  [[nodiscard]] std::shared_ptr<sql::database> beside() const {
    return value_of(sql::database::open(sql(), sql::lease_schema));
  }
  void say_sql(const std::string& statement) {
    const auto db = beside();
    value_of(ask<done>([&](auto r) {
      db->write<done>(std::move(r), [&](soci::session& s) -> result<done> {
        s << statement;
        return done{};
      });
    }));
  }
  /// A write that only the owner may do.
  static result<done> fenced_write(
      sql::database& db, lease_fence fence, std::function<void()> then = [] {}) {
    return ask<done>([&](auto r) {
      db.write<done>(std::move(r), [&](soci::session& s) -> result<done> {
        if (auto ok = sql::check_fence(s, db.on(), fence); !ok)
          return std::unexpected(std::move(ok.error()));
        then();
        return done{};
      });
    });
  }
};
INSTANTIATE_TEST_SUITE_P(on, sql_leases,
                         ::testing::Values(leases_on::sqlite, leases_on::mariadb,
                                           leases_on::postgresql),
                         adapter_name);

TEST_P(sql_leases, what_one_process_took_another_sees_and_so_does_the_next_that_opens) {
  const auto one = open(), two = open();
  EXPECT_EQ(take_one(*one, "a").epoch, 1u);
  EXPECT_EQ(take_one(*two, "b").holder, "a");
  EXPECT_TRUE(keep_one(*one, "a", {0, 1, "s"}).wanted);
  EXPECT_TRUE(give_one(*one, "a", {0, 1}));
  EXPECT_EQ(take_one(*open(), "c").state, "s");
  EXPECT_EQ(value_of(join(*one, "a")), std::vector<std::string>{"a"});
  EXPECT_EQ(value_of(join(*two, "b")), (std::vector<std::string>{"a", "b"}));
}

TEST_P(sql_leases, a_fence_lets_only_the_present_owner_write) {
  const auto in = open();
  const auto db = beside();
  const auto refused = [](const result<done>& said) {
    return !said && said.error().code == errc::conflict && said.error().reason == "not_owner";
  };
  EXPECT_TRUE(refused(fenced_write(*db, {service, 0, 0})));
  EXPECT_TRUE(refused(fenced_write(*db, {service, 0, 1}))) << "nobody had it yet";
  take_one(*in, "a");
  EXPECT_TRUE(fenced_write(*db, {service, 0, 1}));
  EXPECT_TRUE(refused(fenced_write(*db, {service, 0, 2})));
  EXPECT_TRUE(refused(fenced_write(*db, {service, 1, 1})));
  EXPECT_TRUE(refused(fenced_write(*db, {"other", 0, 1})));
  give_one(*in, "a", {0, 1});
  EXPECT_TRUE(refused(fenced_write(*db, {service, 0, 1}))) << "it gave the shard up";
  EXPECT_TRUE(fenced_write(*db, {service, 0, 1, lease_fence::also::until_taken}));
  take_one(*in, "b");
  EXPECT_TRUE(refused(fenced_write(*db, {service, 0, 1})));
  EXPECT_TRUE(refused(fenced_write(*db, {service, 0, 1, lease_fence::also::while_free})));
  EXPECT_TRUE(fenced_write(*db, {service, 0, 2}));
  give_one(*in, "b", {0, 2});
  EXPECT_TRUE(refused(fenced_write(*db, {service, 0, 1, lease_fence::also::until_taken})));
  EXPECT_TRUE(fenced_write(*db, {service, 0, 1, lease_fence::also::while_free}));
}

TEST_P(sql_leases, a_shard_does_not_change_hands_within_a_write_that_passed_the_fence) {
  const auto in = open();
  const auto db = beside();
  value_of(take(*in, "a", {0}, 1s));
  std::this_thread::sleep_for(1100ms); // from here on another may take it
  std::future<std::uint64_t> taken;
  steady::time_point written{}, took{};
  EXPECT_TRUE(fenced_write(*db, {service, 0, 1}, [&] {
    taken = std::async(std::launch::async, [&] {
      const auto epoch = take_one(*in, "b").epoch;
      took = steady::now();
      return epoch;
    });
    std::this_thread::sleep_for(300ms);
    written = steady::now();
  }));
  EXPECT_EQ(taken.get(), 2u);
  EXPECT_GT(took, written);
}

TEST_P(sql_leases, a_fence_without_leases_in_the_database_is_an_error_and_lets_nobody_pass) {
  const auto db = beside();
  say_sql("drop table leases");
  EXPECT_TRUE(fails_with(fenced_write(*db, {service, 0, 1}), errc::unavailable));
}

TEST_P(sql_leases, many_processes_that_open_at_once_make_the_tables_once) {
  std::atomic<int> opened = 0;
  {
    std::vector<std::jthread> nodes;
    for (int n = 0; n < 8; ++n)
      nodes.emplace_back([&] { opened += open_lease_store(sql()).has_value() ? 1 : 0; });
  }
  EXPECT_EQ(opened, 8);
  const auto again = value_of(migrate_lease_store(sql()));
  EXPECT_EQ(again.before, 1);
  EXPECT_EQ(again.after, 1);
}

TEST_P(sql_leases, members_that_have_been_gone_for_long_are_forgotten) {
  const auto in = open();
  for (int n = 0; n < 100; ++n)
    say_sql("insert into lease_members (service, node, until_ms, era) values ('limits/v1', 'gone" +
            std::to_string(n) + "', 1, '')");
  for (int n = 0; n < 2; ++n) EXPECT_EQ(value_of(join(*in, "a")).size(), 1u);
  const auto db = beside();
  EXPECT_EQ(value_of(ask<long long>([&](auto r) {
              db->read<long long>(std::move(r), [](soci::session& s) -> result<long long> {
                long long out = 0;
                s << "select count(*) from lease_members", soci::into(out);
                return out;
              });
            })),
            1);
}

TEST_P(sql_leases, a_process_that_is_frozen_in_its_transaction_blocks_the_others_for_seconds_only) {
  if (!is_server(GetParam())) GTEST_SKIP() << "a file's locks are its processes' own";
  const auto in = open();
  value_of(take(*in, "a", {0}, 1s));
  sql::connection frozen(value_of(sql::make_engine(sql())), false);
  frozen.open();
  frozen.session() << std::string(frozen.on().begin_write());
  EXPECT_TRUE(sql::check_fence(frozen.session(), frozen.on(), {service, 0, 1}));
  const auto began = steady::now();
  result<std::vector<lease_verdict>> said = fail(errc::unavailable, "not yet");
  while (!said && steady::now() < began + 15s) said = take(*in, "b", {0});
  EXPECT_EQ(value_of(std::move(said)).at(0).epoch, 2u);
  EXPECT_LT(steady::now() - began, 9s);
  // What wakes up finds its connection lost, and begins anew.
  try {
    frozen.session() << "commit";
    ADD_FAILURE() << "the transaction lived";
  } catch (const std::exception& why) {
    EXPECT_EQ(frozen.on().judge(why), sql::fault::lost);
  }
}

TEST_P(sql_leases, a_server_that_is_gone_is_unavailable_and_its_leases_are_still_there) {
  if (!is_server(GetParam())) GTEST_SKIP() << "it has no server";
  const auto in = open();
  value_of(take(*in, "a", {0}));
  value_of(keep(*in, "a", {{0, 1, "s"}}));
  server_of(GetParam())->say("kill");
  EXPECT_TRUE(fails_with(keep(*in, "a", {{0, 1}}), errc::unavailable));
  EXPECT_TRUE(fails_with(join(*in, "a"), errc::unavailable));
  server_of(GetParam())->say("start");
  result<std::vector<lease_verdict>> said = fail(errc::unavailable, "not yet");
  for (const auto until = steady::now() + 5s; !said && steady::now() < until;)
    said = take(*in, "b", {0});
  EXPECT_EQ(value_of(std::move(said)).at(0).holder, "a");
  EXPECT_EQ(take_one(*in, "a").state, "s");
}

class file_leases : public sql_leases {
protected:
  /// A process that takes and gives until it had its share; writes down what it had.
  [[noreturn]] void run_process(int n, const std::string& notes) {
    auto opened = open_lease_store(sql());
    if (!opened) ::_exit(1);
    std::ofstream out(notes, std::ios::app);
    const auto node = "process" + std::to_string(n);
    for (int had = 0, tries = 0; had < 25 && tries < 5000; ++tries) {
      const auto shard = static_cast<shard_number>(tries % 3);
      auto said = take(**opened, node, {shard});
      if (!said) ::_exit(2);
      const auto& one = said->at(0);
      if (!one.granted) continue;
      ++had;
      // Each owner adds one to what the one before left.
      const auto count = one.state.empty() ? 0 : std::stoi(one.state);
      out << shard << ' ' << one.epoch << '\n' << std::flush;
      if (!give(**opened, node, {{shard, one.epoch, std::to_string(count + 1)}})) ::_exit(3);
    }
    opened->reset();
    ::_exit(0);
  }
};
INSTANTIATE_TEST_SUITE_P(on, file_leases, ::testing::Values(leases_on::sqlite), adapter_name);

TEST_P(file_leases, processes_that_share_a_file_have_a_shard_one_after_the_other) {
  const auto notes = folder_.file("notes");
  std::vector<pid_t> children;
  for (int n = 0; n < 4; ++n) {
    const auto child = ::fork(); // there are no threads yet
    ASSERT_GE(child, 0);
    if (child == 0) run_process(n, notes);
    children.push_back(child);
  }
  for (const auto child : children) {
    int status = 1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  std::map<int, std::multiset<std::uint64_t>> epochs;
  std::ifstream in(notes);
  std::uint64_t epoch = 0;
  for (int shard = 0; in >> shard >> epoch;) epochs[shard].insert(epoch);
  std::size_t all = 0;
  const auto store = open();
  for (const auto& [shard, of_shard] : epochs) {
    all += of_shard.size();
    EXPECT_EQ(std::set(of_shard.begin(), of_shard.end()).size(), of_shard.size());
    EXPECT_EQ(take_one(*store, "last", static_cast<shard_number>(shard)).state,
              std::to_string(of_shard.size()))
        << "an owner did not see what the one before left";
  }
  EXPECT_EQ(all, 4u * 25);
}

TEST_P(file_leases, a_restart_of_the_machine_ends_all_leases_and_members) {
  const auto in = open();
  value_of(take(*in, "a", {0, 1}));
  value_of(keep(*in, "a", {{0, 1, "s"}}));
  value_of(join(*in, "a"));
  say_sql(
      "update leases set era = 'another boot', saved_era = 'another boot', "
      "saved_wall_ms = saved_wall_ms - 60000, until_ms = until_ms + 1000000 where shard = 0");
  say_sql("update lease_members set era = 'another boot'");
  EXPECT_FALSE(keep_one(*in, "a", {0, 1}).kept);
  const auto said = value_of(take(*in, "b", {0, 1}));
  EXPECT_EQ(said.at(0).epoch, 2u);
  EXPECT_FALSE(said.at(0).was_released);
  EXPECT_EQ(said.at(0).state, "s");
  EXPECT_GE(said.at(0).saved_ago, 60s) << "the wall clock tells";
  EXPECT_LT(said.at(0).saved_ago, 70s);
  EXPECT_FALSE(said.at(1).granted);
  EXPECT_EQ(value_of(join(*in, "b")), std::vector<std::string>{"b"});
}

TEST_P(file_leases, leases_may_lie_in_the_file_of_another_role) {
  const auto prompt = value_of(open_prompt_stores(sql()));
  const auto leases = open();
  const auto again = value_of(open_prompt_stores(sql()));
  EXPECT_TRUE(take_one(*leases, "a").granted);
  EXPECT_TRUE(ask<done>([&](auto r) { prompt.conversations->create("u", "c", std::move(r)); }));
  EXPECT_TRUE(
      fenced_write(*value_of(sql::database::open(sql(), sql::prompt_schema)), {service, 0, 1}));
}

} // namespace
} // namespace troupe::test
