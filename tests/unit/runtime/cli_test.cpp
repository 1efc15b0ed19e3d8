// Goal: what the command line takes, and the exit codes 0, 1 and 2. Method: cli::run() with a serve
// function that notes what it got; output is captured.
#include "runtime/cli/cli.hpp"
#include "messages/codec/json.hpp"
#include "messages/topology.hpp"
#include "tests/unit/runtime/fake_server.hpp"
#include "tests/unit/runtime/scratch_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <filesystem>
#include <optional>

namespace troupe::cli {
namespace {

struct outcome {
  int code;
  std::string out, err;
};

struct cli_test : ::testing::Test {
  test::scratch_folder folder;
  std::filesystem::path before = std::filesystem::current_path();

  cli_test() { std::filesystem::current_path(folder.path()); }
  ~cli_test() override { std::filesystem::current_path(before); }

  static outcome run_with(const std::vector<std::string>& arguments,
                          const environment& variables = {}) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run(arguments, variables, [](const config&, shutdown_signal&) { return 99; });
    std::string out = testing::internal::GetCapturedStdout();
    return {code, std::move(out), testing::internal::GetCapturedStderr()};
  }
};

TEST_F(cli_test, help_and_version_are_fine_and_mistakes_are_code_two) {
  EXPECT_EQ(run_with({"--help"}).code, 0);
  EXPECT_TRUE(run_with({"version"}).out.starts_with("troupe "));
  EXPECT_EQ(run_with({"--version"}).out, run_with({"version"}).out);
  EXPECT_EQ(run_with({}).code, 2);
  EXPECT_EQ(run_with({"fly"}).code, 2);
  EXPECT_EQ(run_with({"serve", "--port", "1"}).code, 2);
  EXPECT_EQ(run_with({"ingest", "docs"}).code, 2) << "without --store";
  EXPECT_EQ(run_with({"ingest", "--store", "docs"}).code, 2) << "without a path";
  EXPECT_EQ(run_with({"key"}).code, 2);
  EXPECT_EQ(run_with({"key", "revoke"}).code, 2);
  EXPECT_EQ(run_with({"keys"}).code, 2);
  EXPECT_EQ(run_with({"top", "--interval", "0"}).code, 2);
  EXPECT_EQ(run_with({"keys", "generate"}).code, 2) << "without --role";
}

TEST_F(cli_test, every_command_has_help_with_an_example) {
  for (const auto& command : std::vector<std::vector<std::string>>{{"serve"},
                                                                   {"config"},
                                                                   {"ingest"},
                                                                   {"chat"},
                                                                   {"key", "create"},
                                                                   {"key", "list"},
                                                                   {"key", "rotate"},
                                                                   {"key", "limit"},
                                                                   {"key", "revoke"},
                                                                   {"keys", "generate"},
                                                                   {"top"},
                                                                   {"flight"},
                                                                   {"tap"}}) {
    auto arguments = command;
    arguments.push_back("--help");
    const auto got = run_with(arguments);
    EXPECT_EQ(got.code, 0) << command.back();
    EXPECT_TRUE(got.out.contains("Example")) << got.out;
    EXPECT_TRUE(got.out.contains("  troupe " + command[0]) || got.out.contains("$(troupe key"))
        << got.out;
  }
}

TEST_F(cli_test, config_prints_each_value_with_its_origin) {
  folder.write("troupe.toml", "[http]\nthreads = 3\n");
  const auto got = run_with({"config", "--http", "127.0.0.1:9"}, {{"OPENAI_API_KEY", "sk-hidden"}});
  EXPECT_EQ(got.code, 0) << got.err;
  EXPECT_TRUE(got.out.contains("troupe.toml:2\n")) << got.out;
  EXPECT_TRUE(got.out.contains("[secret]")) << got.out;
  EXPECT_FALSE(got.out.contains("hidden")) << got.out;
  const auto json = run_with({"config", "--json"});
  EXPECT_TRUE(json.out.contains(R"("http.threads":{"value":"3","origin":"troupe.toml:2","help":)"))
      << json.out;
}

TEST_F(cli_test, settings_that_do_not_go_together_are_code_two_and_serve_nothing) {
  auto got = run_with({"serve", "--roles", "edge"});
  EXPECT_EQ(got.code, 2);
  EXPECT_TRUE(got.err.starts_with("troupe: roles (--roles): edge needs a broker")) << got.err;
  got = run_with({"serve"}, {{"MONGODB_URL", "mongodb://u:hidden@h"}});
  EXPECT_EQ(got.code, 2);
  EXPECT_TRUE(got.err.contains("mongodb.url (MONGODB_URL)")) << got.err;
  EXPECT_FALSE(got.err.contains("hidden")) << got.err;
  got = run_with({"serve", "--config", "missing.toml"});
  EXPECT_EQ(got.code, 2);
  EXPECT_EQ(got.err, "troupe: missing.toml: cannot be read: No such file or directory\n");
}

TEST_F(cli_test, serve_gets_the_merged_settings_and_its_code_is_the_programs) {
  // In a child: serve blocks signals and installs the log sink for the life of the process.
  const pid_t child = ::fork();
  if (child == 0) {
    std::optional<config> seen;
    const int code = run({"serve", "--roles", "edge,router", "--join", "tcp://127.0.0.1:1",
                          "--join", "tcp://127.0.0.1:2", "--data", "d"},
                         {}, [&](const config& in, shutdown_signal&) {
                           seen = in;
                           return 42;
                         });
    const bool right =
        seen && seen->data.dir == "d" && seen->roles.size() == 2 &&
        seen->bus.join == std::vector<std::string>{"tcp://127.0.0.1:1", "tcp://127.0.0.1:2"};
    ::_exit(right ? code : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST_F(cli_test, a_client_command_without_a_server_is_code_one) {
  const std::string url = test::unused_url();
  const auto got = run_with({"key", "list", "--url", url, "--key", "k"});
  EXPECT_EQ(got.code, 1);
  EXPECT_TRUE(got.err.starts_with("troupe key: cannot reach " + url)) << got.err;
  EXPECT_EQ(run_with({"chat", "--message", "x", "--url", "nonsense", "--key", "k"}).code, 2);
  EXPECT_EQ(run_with({"chat", "--message", "x"}).code, 1) << "no key anywhere";
}

TEST_F(cli_test, top_prints_one_table_or_the_servers_json) {
  topology shape;
  shape.nodes.emplace_back().name = "edge+auth";
  shape.services.emplace_back().name = "auth";
  test::fake_server server([&](const test::fake_request& in) {
    EXPECT_EQ(in.path, "/v1/admin/topology");
    EXPECT_EQ(in.headers.at("authorization"), "Bearer tr-admin");
    return test::fake_response{200, troupe::json::encode(shape)};
  });
  const std::vector<std::string> base{"top", "--once", "--url", server.url(), "--key", "tr-admin"};
  const auto table = run_with(base);
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_TRUE(table.out.starts_with("0 brokers  1 nodes  1 services")) << table.out;
  EXPECT_TRUE(table.out.contains("\nedge+auth ")) << table.out;
  EXPECT_FALSE(table.out.contains("\x1b")) << "stdout is no terminal";
  auto as_json = base;
  as_json.emplace_back("--json");
  EXPECT_EQ(run_with(as_json).out, troupe::json::encode(shape) + '\n');
}

TEST_F(cli_test, top_says_what_is_wrong_and_ends_with_one) {
  const auto nobody = run_with({"top", "--once", "--url", test::unused_url(), "--key", "k"});
  EXPECT_EQ(nobody.code, 1);
  EXPECT_TRUE(nobody.err.starts_with("troupe top: ")) << nobody.err;
  test::fake_server refuses([](const test::fake_request&) {
    return test::fake_response{
        403, R"({"error":{"message":"for admins only","type":"permission_error","code":null}})"};
  });
  const auto user = run_with({"top", "--url", refuses.url(), "--key", "k"});
  EXPECT_EQ(user.code, 1);
  EXPECT_TRUE(user.err.contains("for admins only")) << user.err;
  EXPECT_TRUE(user.err.contains("an admin's key")) << user.err;
  test::fake_server other([](const test::fake_request&) { return test::fake_response{200, "{}"}; });
  EXPECT_EQ(run_with({"top", "--once", "--url", other.url(), "--key", "k"}).code, 0)
      << "an object without fields is an empty topology";
  test::fake_server page(
      [](const test::fake_request&) { return test::fake_response{200, "<html></html>"}; });
  const auto html = run_with({"top", "--once", "--url", page.url(), "--key", "k"});
  EXPECT_EQ(html.code, 1);
  EXPECT_TRUE(html.err.contains("no topology")) << html.err;
}

TEST_F(cli_test, flight_refuses_what_is_no_recording) {
  EXPECT_EQ(run_with({"flight"}).code, 2);
  const auto none = run_with({"flight", "none.bin"});
  EXPECT_EQ(none.code, 1);
  EXPECT_EQ(none.err, "troupe flight: none.bin: cannot be read\n");
  folder.write("other.bin", std::string(1000, 'x'));
  const auto other = run_with({"flight", "other.bin"});
  EXPECT_EQ(other.code, 1);
  EXPECT_EQ(other.err, "troupe flight: other.bin: no flight recording\n");
  EXPECT_EQ(other.out, "");
}

TEST_F(cli_test, tap_wants_a_broker_that_is_there) {
  const auto nobody = run_with({"tap"});
  EXPECT_EQ(nobody.code, 2);
  EXPECT_TRUE(nobody.err.contains("--join")) << nobody.err;
  const auto type = run_with({"tap", "--join", "tcp://127.0.0.1:1", "--type", "letter"});
  EXPECT_EQ(type.code, 2);
  EXPECT_TRUE(type.err.contains("--type is one of hello, welcome")) << type.err;
  EXPECT_EQ(run_with({"tap", "--join", "tcp://127.0.0.1:1", "--rate", "0"}).code, 2);
}

} // namespace
} // namespace troupe::cli
