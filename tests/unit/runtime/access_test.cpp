// Goal: the order in which a client command looks for the server and the key. Method:
// resolve_access() with flags, variables and a scratch data folder.
#include "runtime/cli/access.hpp"
#include "tests/unit/runtime/scratch_folder.hpp"

#include <gtest/gtest.h>

namespace troupe::cli {
namespace {

TEST(access, flags_win_over_variables_and_those_over_the_data_folder) {
  const test::scratch_folder data;
  data.write("admin.key", "tr-from-file\n");
  environment variables{{"TROUPE_DATA", data.path().string()}};
  EXPECT_EQ(resolve_access({}, variables)->key, "tr-from-file");
  EXPECT_EQ(resolve_access({}, variables)->url, "http://127.0.0.1:8000");
  variables["TROUPE_API_KEY"] = "tr-variable";
  variables["TROUPE_URL"] = "http://h:1";
  EXPECT_EQ(resolve_access({}, variables)->key, "tr-variable");
  EXPECT_EQ(resolve_access({}, variables)->url, "http://h:1");
  const access_options flags{.url = "https://f", .key = "tr-flag", .data = {}};
  EXPECT_EQ(resolve_access(flags, variables)->key, "tr-flag");
  EXPECT_EQ(resolve_access(flags, variables)->url, "https://f");
}

TEST(access, the_data_flag_names_the_folder_of_the_key) {
  const test::scratch_folder data;
  data.write("admin.key", "  tr-x \n");
  EXPECT_EQ(resolve_access({.url = {}, .key = {}, .data = data.path().string()}, {})->key, "tr-x");
}

TEST(access, an_openai_base_url_is_taken_for_the_server) {
  for (const char* url : {"http://h:1/", "http://h:1/v1", "http://h:1/v1/"}) {
    EXPECT_EQ(resolve_access({.url = url, .key = "k", .data = {}}, {})->url, "http://h:1");
  }
}

TEST(access, without_a_key_the_message_says_where_one_is_looked_for) {
  const test::scratch_folder data;
  const auto to = resolve_access({.url = {}, .key = {}, .data = data.path().string()}, {});
  ASSERT_FALSE(to);
  EXPECT_EQ(to.error().code, errc::unauthenticated);
  EXPECT_EQ(to.error().message,
            "no API key: pass --key, set TROUPE_API_KEY, or name the server's data "
            "folder with --data (" +
                (data.path() / "admin.key").string() + " cannot be read or is empty)");
}

TEST(access, what_is_no_address_is_refused) {
  for (const char* url : {"h:1", "ftp://h", "http://"}) {
    const auto to = resolve_access({.url = url, .key = "k", .data = {}}, {});
    ASSERT_FALSE(to) << url;
    EXPECT_EQ(to.error().code, errc::invalid_argument);
  }
}

} // namespace
} // namespace troupe::cli
