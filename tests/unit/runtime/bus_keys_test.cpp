// Goal: `troupe keys generate` writes files that the settings bus.key and bus.broker_key can name
// and an entry that the allow-list takes, and what is wrong with a key is named with its file.
// Method: the command and the reader on a scratch folder.
#include "runtime/bus_keys.hpp"

#include "broker/access.hpp"
#include "broker/keys.hpp"
#include "runtime/allow_list.hpp"
#include "runtime/cli/cli.hpp"
#include "scratch_folder.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <iterator>

namespace troupe {
namespace {

namespace fs = std::filesystem;

struct outcome {
  int code = 0;
  std::string out, err;
};

class bus_keys_test : public ::testing::Test {
protected:
  outcome generate(const std::string& role, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"keys", "generate", "--role",
                                       role,   "--out",    folder_.path().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = cli::run(arguments, {}, [](const config&, shutdown_signal&) { return 99; });
    std::string out = testing::internal::GetCapturedStdout();
    return {code, std::move(out), testing::internal::GetCapturedStderr()};
  }
  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }
  static std::string text_of(const std::string& name) {
    std::ifstream in(name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  config with(const std::string& key, std::vector<std::string> broker_keys) const {
    config in;
    in.bus.key = key;
    in.bus.broker_key = std::move(broker_keys);
    return in;
  }
  test::scratch_folder folder_;
};

TEST_F(bus_keys_test, a_new_pair_is_written_for_its_owner_alone_and_belongs_together) {
  EXPECT_EQ(generate("edge").code, 0);
  const auto hidden = text_of(file("edge.key")), open = text_of(file("edge.pub"));
  ASSERT_EQ(hidden.size(), link_key_characters + 1);
  EXPECT_EQ(public_key_of({hidden.substr(0, link_key_characters)}) + "\n", open);
  EXPECT_EQ(fs::status(file("edge.key")).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(bus_keys_test, no_file_is_replaced) {
  ASSERT_EQ(generate("edge").code, 0);
  const auto before = text_of(file("edge.key"));
  const auto again = generate("edge");
  EXPECT_EQ(again.code, 1);
  EXPECT_TRUE(again.err.contains("edge.pub: File exists")) << again.err;
  fs::remove(file("edge.pub"));
  EXPECT_TRUE(generate("edge").err.contains("edge.key: File exists"));
  EXPECT_EQ(text_of(file("edge.key")), before);
  EXPECT_FALSE(fs::exists(file("edge.pub"))) << "of a pair that was not made";
}

TEST_F(bus_keys_test, what_is_printed_is_an_entry_of_the_allow_list) {
  std::string all;
  for (const char* role : {"edge", "router", "auth", "prompt", "log", "importer"})
    all += generate(role).out;
  const auto rules = parse_allow_list(all, "allow.toml");
  ASSERT_TRUE(rules) << rules.error().message;
  ASSERT_EQ(rules->size(), 6u);
  for (const auto& rule : *rules) {
    EXPECT_EQ(rule.public_keys.front() + "\n", text_of(file(rule.principal + ".pub")));
    EXPECT_EQ(allows(rule.may_register, "router"), rule.principal == "router");
    EXPECT_EQ(allows(rule.may_call, "router"),
              rule.principal == "edge" || rule.principal == "importer");
  }
}

TEST_F(bus_keys_test, a_broker_is_told_what_the_others_need) {
  const auto made = generate("broker");
  EXPECT_EQ(made.out, "[bus]\nbroker_key = [\"" +
                          text_of(file("broker.pub")).substr(0, link_key_characters) + "\"]\n");
  EXPECT_FALSE(made.out.contains(text_of(file("broker.key")).substr(0, link_key_characters)));
}

TEST_F(bus_keys_test, json_has_the_files_and_never_the_secret) {
  const auto made = generate("edge", {"--json"});
  const auto said = boost::json::parse(made.out).as_object();
  EXPECT_EQ(said.at("secret_key_file").as_string(), file("edge.key"));
  EXPECT_EQ(std::string(said.at("public_key").as_string()) + "\n", text_of(file("edge.pub")));
  EXPECT_FALSE(made.out.contains(text_of(file("edge.key")).substr(0, link_key_characters)));
}

TEST_F(bus_keys_test, a_name_that_is_no_file_name_is_refused) {
  for (const char* role : {"", "../edge", "Edge", "a b"}) {
    const auto made = generate(role);
    EXPECT_EQ(made.code, 2) << role;
    EXPECT_TRUE(made.err.contains("--role")) << made.err;
  }
}

TEST_F(bus_keys_test, keys_are_read_from_files_and_a_brokers_also_as_it_is) {
  ASSERT_EQ(generate("edge").code, 0);
  ASSERT_EQ(generate("broker").code, 0);
  const auto open = text_of(file("broker.pub")).substr(0, link_key_characters);
  const auto keys = read_bus_keys(with(file("edge.key"), {file("broker.pub"), open}));
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys->own.value + "\n", text_of(file("edge.key")));
  EXPECT_EQ(keys->brokers, (std::vector{open, open}));
}

TEST_F(bus_keys_test, a_broker_knows_its_own_key) {
  ASSERT_EQ(generate("broker").code, 0);
  const auto keys = read_bus_keys(with(file("broker.key"), {}));
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->brokers.front() + "\n", text_of(file("broker.pub")));
  EXPECT_TRUE(read_bus_keys({})->own.value.empty());
}

TEST_F(bus_keys_test, what_holds_no_key_is_named_and_its_content_is_not) {
  folder_.write("bad.key", "hunter2\n");
  ASSERT_EQ(generate("edge").code, 0);
  EXPECT_EQ(read_bus_keys(with(file("bad.key"), {})).error().message,
            "bus.key: " + file("bad.key") +
                " holds no key of 40 characters; `troupe keys generate` makes one");
  EXPECT_EQ(read_bus_keys(with(file("none.key"), {})).error().message,
            "bus.key: " + file("none.key") + " cannot be read, or is empty");
  EXPECT_EQ(read_bus_keys(with(file("edge.key"), {"nonsense"})).error().message,
            "bus.broker_key: nonsense cannot be read, or is empty");
}

} // namespace
} // namespace troupe
