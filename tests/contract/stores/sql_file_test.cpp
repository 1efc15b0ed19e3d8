// Goal: what only files promise: rows survive a reopen and a kill, files of newer programs and
// broken files are refused with a clear error, nobody else may read them. Method: real SQLite files
// in a scratch folder, opened, closed, altered and opened again; a child process that is killed.
#include "tests/contract/stores/store_fixture.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstring>
#include <fstream>
#include <set>
#include <thread>

namespace troupe::test {
namespace {

class sql_file : public ::testing::Test {
protected:
  scratch_folder folder_;
  sql_config config_{folder_.file("store.db")};

  void execute(const char* statement) const {
    sqlite3* on = nullptr;
    ASSERT_EQ(sqlite3_open(config_.path.c_str(), &on), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(on, statement, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(on);
    sqlite3_close(on);
  }
};

log_record record(const std::string& id) {
  log_record r;
  r.id = id;
  r.time = "2026-01-01T00:00:00.000000Z";
  r.service = "tests";
  r.message = "message of " + id;
  r.user = "u1";
  return r;
}

result<done> append(log_store& log, const std::string& id) {
  return ask<done>([&](auto r) { log.append({record(id)}, std::move(r)); });
}

/// How often each id is in the log.
std::multiset<std::string> all_ids(log_store& log) {
  std::multiset<std::string> out;
  log_filter f;
  f.user = "u1";
  f.limit = 1000;
  do {
    auto slice = value_of(ask<log_slice>([&](auto r) { log.list(f, std::move(r)); }));
    for (auto& r : slice.records) out.insert(std::move(r.id));
    f.before = slice.next;
  } while (!f.before.empty());
  return out;
}

TEST_F(sql_file, accounts_survive_a_reopen) {
  {
    auto stores = value_of(open_auth_stores(config_));
    value_of(ask<done>([&](auto r) {
      user_row admin;
      admin.id = "u1";
      admin.email = "a@x.org";
      admin.role = "admin";
      stores.users->insert_user(admin, {}, std::move(r));
    }));
    value_of(ask<done>([&](auto r) {
      stores.keys->insert_key({"key_1", "u1", "n", "h", "hint", 7, false}, std::move(r));
    }));
    value_of(ask<std::string>(
        [&](auto r) { stores.secrets->installation_secret("s", "first", std::move(r)); }));
  }
  auto stores = value_of(open_auth_stores(config_));
  EXPECT_EQ(value_of(ask<user_row>([&](auto r) { stores.users->first_admin(std::move(r)); })).id,
            "u1");
  EXPECT_EQ(
      value_of(ask<api_key_row>([&](auto r) { stores.keys->key_by_hash("h", std::move(r)); })).id,
      "key_1");
  EXPECT_EQ(value_of(ask<std::string>(
                [&](auto r) { stores.secrets->installation_secret("s", "second", std::move(r)); })),
            "first");
}

TEST_F(sql_file, documents_and_conversations_survive_a_reopen) {
  {
    auto stores = value_of(open_prompt_stores(config_));
    file_view file;
    file.id = "file-1";
    value_of(
        ask<done>([&](auto r) { stores.files->insert_file("u1", file, "content", std::move(r)); }));
    store_view store;
    store.id = "vs_1";
    value_of(
        ask<done>([&](auto r) { stores.stores->insert_store("u1", store, {}, std::move(r)); }));
    store_file_view entry;
    entry.id = "file-1";
    entry.vector_store_id = "vs_1";
    value_of(
        ask<store_file_view>([&](auto r) { stores.stores->attach("u1", entry, std::move(r)); }));
    value_of(
        ask<done>([&](auto r) { stores.conversations->create("u1", "conv_1", std::move(r)); }));
    value_of(ask<done>([&](auto r) {
      stores.conversations->append("u1", "conv_1", {{"user", "hi"}}, {}, std::move(r));
    }));
  }
  auto stores = value_of(open_prompt_stores(config_));
  EXPECT_EQ(value_of(ask<std::string>(
                [&](auto r) { stores.files->read_file("u1", "file-1", std::move(r)); })),
            "content");
  EXPECT_EQ(value_of(ask<std::vector<pending_file>>([&](auto r) {
              stores.stores->pending(std::move(r));
            })).size(),
            1u);
  EXPECT_EQ(value_of(ask<std::vector<turn_row>>([&](auto r) {
              stores.conversations->last_turns("u1", "conv_1", 5, std::move(r));
            })).size(),
            1u);
}

TEST_F(sql_file, log_records_survive_a_reopen_and_new_ones_sort_behind_them) {
  for (const auto* id : {"a", "b", "c"}) {
    auto log = value_of(open_log_store(config_));
    value_of(append(*log, id));
    value_of(append(*log, "a")); // sent again: stored once
  }
  auto log = value_of(open_log_store(config_));
  log_filter f;
  f.user = "u1";
  const auto slice = value_of(ask<log_slice>([&](auto r) { log->list(f, std::move(r)); }));
  ASSERT_EQ(slice.records.size(), 3u);
  EXPECT_EQ(slice.records[0].id, "c");
  EXPECT_EQ(slice.records[2].id, "a");
}

TEST_F(sql_file, a_purge_that_was_broken_off_goes_on_after_a_reopen) {
  const auto step = [](log_store& log) {
    return value_of(ask<purge_step>([&](auto r) { log.purge("u1", 2, std::move(r)); }));
  };
  {
    const auto log = value_of(open_log_store(config_));
    for (const auto* id : {"log_1", "log_2", "log_3"}) ASSERT_TRUE(append(*log, id));
    EXPECT_TRUE(step(*log).more);
  }
  const auto log = value_of(open_log_store(config_));
  EXPECT_EQ(all_ids(*log), std::multiset<std::string>{"log_3"});
  EXPECT_FALSE(step(*log).more);
  EXPECT_TRUE(all_ids(*log).empty());
}

TEST_F(sql_file, conversations_of_the_first_schema_get_the_index_that_a_purge_needs) {
  value_of(open_prompt_stores(config_));
  execute("drop index conversations_user; delete from schema_version where version = 2");
  const auto changed = value_of(migrate_prompt_store(config_));
  EXPECT_EQ(changed.before, 1);
  EXPECT_EQ(changed.after, 2);
  execute("drop index conversations_user"); // fails the test if there is none
}

TEST_F(sql_file, a_killed_process_loses_nothing_that_was_acknowledged) {
  int acknowledged[2];
  ASSERT_EQ(::pipe(acknowledged), 0);
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) { // appends on several threads until it is killed; tells each id that was stored
    auto log = value_of(open_log_store(config_));
    std::vector<std::jthread> writers;
    for (int t = 0; t < 8; ++t)
      writers.emplace_back([&, t] {
        for (int i = 0;; ++i) {
          char line[32] = {};
          std::snprintf(line, sizeof line, "log_%d-%d", t, i);
          if (append(*log, line) && ::write(acknowledged[1], line, sizeof line) < 0) ::_exit(1);
        }
      });
    ::pause();
    ::_exit(1);
  }
  ::close(acknowledged[1]);
  std::vector<std::string> told;
  char line[32];
  while (told.size() < 2000 && ::read(acknowledged[0], line, sizeof line) == sizeof line)
    told.emplace_back(line);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  while (::read(acknowledged[0], line, sizeof line) == sizeof line) told.emplace_back(line);
  ::close(acknowledged[0]);
  ASSERT_GE(told.size(), 2000u);

  auto log = value_of(open_log_store(config_));
  const auto stored = all_ids(*log);
  for (const auto& id : told) ASSERT_EQ(stored.count(id), 1u) << id;
  EXPECT_EQ(std::set<std::string>(stored.begin(), stored.end()).size(), stored.size());
}

/// The locks of a file belong to the process, and it loses all of them when it closes the file
/// once.
TEST_F(sql_file, stores_that_share_a_file_keep_another_process_from_deleting_its_log) {
  int go[2];
  ASSERT_EQ(::pipe(go), 0);
  const auto other = ::fork(); // before there are threads and locks
  ASSERT_GE(other, 0);
  char word = 0;
  if (other == 0) { // opens and closes it, as a backup would
    sqlite3* on = nullptr;
    const bool told = ::read(go[0], &word, 1) == 1;
    const bool opened = told && sqlite3_open(config_.path.c_str(), &on) == SQLITE_OK;
    const bool done = opened && sqlite3_exec(on, "select count(*) from log_records", nullptr,
                                             nullptr, nullptr) == SQLITE_OK;
    sqlite3_close(on);
    ::_exit(done ? 0 : 1);
  }
  const auto log = value_of(open_log_store(config_));
  const auto beside = value_of(open_log_store(config_));
  ASSERT_TRUE(append(*log, "a"));
  struct stat before{}, after{};
  ASSERT_EQ(::stat((config_.path + "-wal").c_str(), &before), 0);
  ASSERT_EQ(::write(go[1], &word, 1), 1);
  int status = 1;
  ::waitpid(other, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(::stat((config_.path + "-wal").c_str(), &after), 0) << "it deleted the log";
  EXPECT_EQ(before.st_ino, after.st_ino);
  ::close(go[0]);
  ::close(go[1]);
}

TEST_F(sql_file, a_file_of_a_newer_program_is_refused_with_both_versions) {
  {
    auto stores = value_of(open_auth_stores(config_));
  }
  execute("insert into schema_version (version) values (4711)");
  const auto opened = open_auth_stores(config_);
  ASSERT_FALSE(opened);
  for (const auto& part :
       {config_.path, std::string("newer"), std::string("schema 4711"), std::string("knows ")})
    EXPECT_NE(opened.error().message.find(part), std::string::npos)
        << part << " in: " << opened.error().message;
}

TEST_F(sql_file, a_file_that_is_no_database_is_an_error_that_names_it) {
  std::ofstream(config_.path) << std::string(10'000, 'x');
  for (const auto& message :
       {open_auth_stores(config_).error().message, open_log_store(config_).error().message,
        open_prompt_stores(config_).error().message}) {
    EXPECT_NE(message.find(config_.path), message.npos) << message;
    EXPECT_NE(message.find("not a database"), message.npos) << message;
  }
  EXPECT_EQ(std::filesystem::file_size(config_.path), 10'000u) << "it is left as it was";
}

TEST_F(sql_file, a_database_with_broken_pages_answers_unavailable_and_does_not_end_the_process) {
  {
    auto log = value_of(open_log_store(config_));
    for (int i = 0; i < 300; ++i) value_of(append(*log, "log_" + std::to_string(i)));
  }
  const auto size = std::filesystem::file_size(config_.path);
  ASSERT_GT(size, 40'960u);
  { // all but the first pages, which hold the schema
    std::fstream broken(config_.path, std::ios::in | std::ios::out | std::ios::binary);
    broken.seekp(20'480);
    broken << std::string(size - 20'480, '\x5A');
  }
  const auto log = open_log_store(config_);
  if (!log) {
    EXPECT_NE(log.error().message.find(config_.path), std::string::npos);
    return;
  }
  log_filter f;
  f.user = "u1";
  EXPECT_TRUE(fails_with(ask<log_slice>([&](auto r) { (*log)->list(f, std::move(r)); }),
                         errc::unavailable));
}

TEST_F(sql_file, a_file_that_cannot_be_opened_is_an_error_that_names_it) {
  config_.path = folder_.file("no such folder/store.db");
  const auto missing = open_log_store(config_);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find(config_.path), std::string::npos);
  EXPECT_NE(missing.error().message.find("No such file"), std::string::npos);
  config_.path = folder_.path().string();
  EXPECT_FALSE(open_log_store(config_)) << "a folder is no file";
}

TEST_F(sql_file, paths_may_have_spaces_and_signs) {
  for (const auto* name : {"a b  c.db", "x=y;z.db", "it's 100%.db", "caf\xC3\xA9.db"}) {
    const sql_config config{folder_.file(name)};
    {
      value_of(append(*value_of(open_log_store(config)), "log_1"));
    }
    EXPECT_TRUE(std::filesystem::exists(config.path)) << name;
    EXPECT_EQ(all_ids(*value_of(open_log_store(config))).size(), 1u) << name;
  }
  EXPECT_FALSE(open_log_store({folder_.file("quo\"te.db")}));
}

TEST_F(sql_file, only_the_owner_may_read_the_files) {
  const auto before = ::umask(0);
  auto log = value_of(open_log_store(config_));
  value_of(append(*log, "log_1"));
  ::umask(before);
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
    struct stat info{};
    ASSERT_EQ(::stat(file.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << file.path();
    ++files;
  }
  EXPECT_GE(files, 3) << "the database, its -wal and its -shm";
}

TEST_F(sql_file, an_exclusive_store_needs_no_shared_memory_file_and_keeps_others_out) {
  config_.exclusive = true;
  auto log = value_of(open_log_store(config_));
  value_of(append(*log, "log_1"));
  EXPECT_EQ(all_ids(*log).size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(config_.path + "-shm"));
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(config_.path.c_str(), &other), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(other, "select count(*) from log_records", nullptr, nullptr, nullptr),
            SQLITE_BUSY);
  sqlite3_close(other);
}

TEST_F(sql_file, another_connections_writes_to_the_same_file_are_waited_for) {
  auto stores = value_of(open_prompt_stores(config_));
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(config_.path.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(other, "create table beside(x); begin immediate; insert into beside values(1)",
                   nullptr, nullptr, nullptr),
      SQLITE_OK);
  std::jthread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    sqlite3_exec(other, "commit", nullptr, nullptr, nullptr);
  });
  EXPECT_TRUE(ask<done>([&](auto r) { stores.conversations->create("u1", "c1", std::move(r)); }));
  release.join();
  sqlite3_close(other);
}

} // namespace
} // namespace troupe::test
