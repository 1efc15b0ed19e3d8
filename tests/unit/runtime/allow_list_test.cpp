// Goal: the file that says who may do what is read as it is documented, what is wrong in it is
// named with file, line and field, and a change counts only when it is whole and right. Method:
// texts, and files in a scratch folder that are looked at by hand.
#include "runtime/allow_list.hpp"

#include "broker/keys.hpp"
#include "runtime/allow_list_watch.hpp"
#include "scratch_folder.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

const std::string key = make_key_pair().public_key;
const std::string other_key = make_key_pair().public_key;

std::string said_of(const std::string& text) {
  const auto rules = parse_allow_list(text, "allow.toml");
  return rules ? "fine" : rules.error().message;
}

std::string edge(const std::string& more = {}) {
  return "[principals.edge]\npublic_keys = [\"" + key + "\"]\n" + more;
}

TEST(allow_list, a_rule_has_what_the_file_says) {
  const auto rules = parse_allow_list(
      "# who may\n[principals.edge]\npublic_keys = [\"" + key + "\",\n  \"" + other_key +
          "\"]\nregister = []\ncall = [\"router\"]\npublish = [\"audit.*\"]\nsubscribe = [\"*\"]\n"
          "[principals.all-of-it]\npublic_keys = []\nregister = [\"*\"]\n",
      "allow.toml");
  ASSERT_TRUE(rules) << rules.error().message;
  ASSERT_EQ(rules->size(), 2u);
  const access_table table(*rules);
  const auto* found = table.find(other_key);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(*found, (access_rule{"edge", {key, other_key}, {}, {"router"}, {"audit.*"}, {"*"}}));
  EXPECT_TRUE(allows(found->may_call, "router"));
  EXPECT_FALSE(allows(found->may_call, "auth"));
  EXPECT_TRUE(allows(found->may_subscribe, "anything"));
  EXPECT_EQ(table.find(make_key_pair().public_key), nullptr);
}

TEST(allow_list, only_who_is_said_to_may_tap) {
  EXPECT_FALSE(parse_allow_list(edge(), "allow.toml")->at(0).may_tap);
  EXPECT_FALSE(parse_allow_list(edge("tap = false\n"), "allow.toml")->at(0).may_tap);
  EXPECT_TRUE(parse_allow_list(edge("tap = true\n"), "allow.toml")->at(0).may_tap);
  EXPECT_EQ(said_of(edge("tap = \"yes\"\n")),
            "allow.toml:3: principals.edge.tap: wants true or false");
}

TEST(allow_list, an_empty_file_allows_nobody) {
  EXPECT_TRUE(parse_allow_list("", "allow.toml")->empty());
  EXPECT_TRUE(parse_allow_list("[principals]\n", "allow.toml")->empty());
}

TEST(allow_list, what_is_wrong_is_named_with_file_line_and_field) {
  EXPECT_EQ(said_of(edge("colour = []\n")),
            "allow.toml:3: principals.edge.colour: there is no such field; known are public_keys, "
            "register, call, publish, subscribe and tap");
  EXPECT_EQ(said_of(edge("call = \"router\"\n")),
            "allow.toml:3: principals.edge.call: wants a list of texts");
  EXPECT_EQ(said_of(edge("call = [\"a\",\n7]\n")),
            "allow.toml:4: principals.edge.call: wants a service, or *");
  EXPECT_EQ(said_of(edge("register = [\"prompt.chat/v1\"]\n")),
            "allow.toml:3: principals.edge.register: wants a service, or *");
  EXPECT_EQ(said_of(edge("publish = [\"\"]\n")),
            "allow.toml:3: principals.edge.publish: wants a topic, or *");
  EXPECT_EQ(said_of("[principals.edge]\npublic_keys = [\"short\"]\n"),
            "allow.toml:2: principals.edge.public_keys: wants a public key of 40 characters");
  EXPECT_EQ(said_of("[principals.edge]\ncall = []\n"),
            "allow.toml:1: principals.edge.public_keys: is missing");
  EXPECT_EQ(said_of("principals = 7\n"), "allow.toml:1: principals: wants sections, one a name");
  EXPECT_EQ(said_of("[principals]\nedge = 7\n"), "allow.toml:2: principals.edge: wants a section");
  EXPECT_EQ(said_of("\n[principles.edge]\n"),
            "allow.toml:2: principles: only [principals.NAME] is known here");
  EXPECT_TRUE(said_of(edge("call = [\n")).starts_with("allow.toml:3: Error while parsing array"));
  EXPECT_EQ(said_of("[principals.\"a b\"]\npublic_keys = []\n"),
            "allow.toml:1: principals.a b: a name has 1 to 64 letters, digits, - and _");
}

TEST(allow_list, a_text_that_the_parser_did_not_expect_is_an_error_too) {
  EXPECT_EQ(said_of("[\f"), "allow.toml: the parser cannot read this"); // toml++ 3.3 asserts
}

TEST(allow_list, a_key_is_one_principals_alone) {
  EXPECT_EQ(said_of("[principals.a]\npublic_keys = [\"" + key +
                    "\"]\n[principals.b]\npublic_keys = [\"" + key + "\"]\n"),
            "allow.toml:4: principals.b.public_keys: this key is one of a already");
}

TEST(allow_list, lists_are_bounded) {
  std::string many;
  for (int n = 0; n < 65; ++n) many += "\"s" + std::to_string(n) + "\",";
  EXPECT_EQ(said_of(edge("call = [" + many + "]\n")),
            "allow.toml:3: principals.edge.call: more than 64 entries");
}

class allow_list_on_disk : public ::testing::Test {
protected:
  std::filesystem::path write(const std::string& text) { return folder_.write("allow.toml", text); }
  allow_list_file load() {
    auto loaded = allow_list_file::load(folder_.path() / "allow.toml");
    EXPECT_TRUE(loaded) << loaded.error().message;
    return std::move(*loaded);
  }
  test::scratch_folder folder_;
};

TEST_F(allow_list_on_disk, a_change_counts_at_the_second_look_at_it) {
  write(edge());
  auto file = load();
  EXPECT_NE(file.table()->find(key), nullptr);
  EXPECT_EQ(file.refresh(), nullptr);
  write("[principals.edge]\npublic_keys = [\"" + other_key + "\"]\n");
  EXPECT_EQ(file.refresh(), nullptr) << "it may be half written";
  const auto now = file.refresh();
  ASSERT_NE(now, nullptr);
  EXPECT_EQ(now->find(key), nullptr);
  EXPECT_NE(now->find(other_key), nullptr);
  EXPECT_EQ(file.table(), now);
  EXPECT_EQ(file.refresh(), nullptr);
}

TEST_F(allow_list_on_disk, a_file_that_is_wrong_or_gone_changes_nothing_until_it_is_right) {
  const auto path = write(edge());
  auto file = load();
  for (const bool is_gone : {false, true}) {
    is_gone ? void(std::filesystem::remove(path)) : void(write("[principals.edge\n"));
    for (int look = 0; look < 3; ++look) EXPECT_EQ(file.refresh(), nullptr);
    EXPECT_NE(file.table()->find(key), nullptr);
  }
  write(edge("call = [\"router\"]\n"));
  (void)file.refresh();
  EXPECT_NE(file.refresh(), nullptr);
}

TEST_F(allow_list_on_disk, a_start_with_a_wrong_file_is_an_error_that_names_it) {
  const auto path = folder_.path() / "allow.toml";
  EXPECT_EQ(allow_list_file::load(path).error().message,
            "bus.allow: " + path.string() + ": cannot be read: No such file or directory");
  write("x = 1\n");
  EXPECT_EQ(allow_list_file::load(path).error().message,
            path.string() + ":1: x: only [principals.NAME] is known here");
}

} // namespace
} // namespace troupe
