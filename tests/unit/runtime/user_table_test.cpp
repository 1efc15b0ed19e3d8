// Goal: columns of other programs' tables find their fields, and values their meaning; what has
// none is named. Method: pure functions on rows.
#include "runtime/cli/user_table.hpp"

#include <gtest/gtest.h>

namespace troupe::cli {
namespace {

using enum user_field;
using strings = std::vector<std::string>;

user_columns columns_of(const strings& header, const strings& maps = {}) {
  std::vector<std::pair<std::string, user_field>> mappings;
  for (const auto& text : maps) mappings.push_back(parse_mapping(text).value());
  return map_columns(header, mappings).value();
}

/// The user of a row with an e-mail and this column.
converted_user with(const std::string& column, const std::string& value) {
  return to_user(columns_of({"email", column}), {"a@b", value});
}

TEST(user_table, columns_find_their_fields_in_any_case) {
  const auto all = columns_of({"Email", " PASSWORD_HASH", "full_name", "shoe"});
  EXPECT_EQ(all.of, (std::vector{email, password_hash, name, ignored}));
  EXPECT_EQ(all.left_out, strings{"shoe"});
}

TEST(user_table, of_several_columns_for_a_field_the_plainest_is_taken_or_the_mapped_one) {
  EXPECT_EQ(columns_of({"email", "full_name", "name"}).of, (std::vector{email, ignored, name}));
  EXPECT_EQ(columns_of({"email", "full_name", "name"}, {"full_name=name"}).of,
            (std::vector{email, name, ignored}));
  const auto silent = columns_of({"email", "role"}, {"ROLE=ignored"});
  EXPECT_EQ(silent.of, (std::vector{email, ignored}));
  EXPECT_TRUE(silent.left_out.empty()) << "it was asked for";
}

TEST(user_table, mappings_that_make_no_sense_are_refused) {
  for (const char* text : {"mail", "=email", "mail=", "mail=shoe", "mail=uuid"})
    EXPECT_FALSE(parse_mapping(text)) << text;
  EXPECT_FALSE(map_columns({"name"}, {}));
  EXPECT_FALSE(map_columns({"email"}, {{"absent", name}}));
  EXPECT_FALSE(map_columns({"a", "b"}, {{"a", email}, {"b", email}}));
}

TEST(user_table, values_become_the_fields_of_a_user) {
  const auto got =
      to_user(columns_of({"id", "email", "password", "name", "role", "is_active"}),
              {"0193E5B200007000800000000000000A", " a@b ", "$2b$x", "Ada", "Viewer", "no"});
  EXPECT_FALSE(got.wrong);
  EXPECT_EQ(got.user.id, "0193e5b2-0000-7000-8000-00000000000a");
  EXPECT_EQ(got.user.email, "a@b");
  EXPECT_EQ(got.user.password_hash.value, "$2b$x");
  EXPECT_EQ(got.user.name, "Ada");
  EXPECT_EQ(got.user.account_role, "viewer");
  EXPECT_FALSE(got.user.active);
  EXPECT_TRUE(got.user.email_confirmed);
}

TEST(user_table, an_empty_value_is_an_absent_one) {
  for (const char* none : {"", "  ", "\\N"}) {
    EXPECT_EQ(with("name", none).user.name, std::nullopt);
    EXPECT_EQ(with("role", none).user.account_role, std::nullopt);
    EXPECT_TRUE(with("is_active", none).user.active);
    EXPECT_FALSE(with("email_verified_at", none).user.email_confirmed);
  }
  EXPECT_EQ(with("id", "17").user.id, "");
}

TEST(user_table, an_admin_flag_is_a_role) {
  EXPECT_EQ(with("is_superuser", "t").user.account_role, "admin");
  EXPECT_EQ(with("is_superuser", "0").user.account_role, std::nullopt);
  const auto both = columns_of({"email", "is_admin", "role"});
  EXPECT_EQ(to_user(both, {"a@b", "1", "viewer"}).user.account_role, "admin");
  EXPECT_EQ(to_user(both, {"a@b", "0", "viewer"}).user.account_role, "viewer");
}

TEST(user_table, an_address_is_confirmed_by_a_flag_or_a_time) {
  for (const char* yes : {"true", "1", "2026-01-31 12:00:00", "1557126489"})
    EXPECT_TRUE(with("email_verified", yes).user.email_confirmed) << yes;
  for (const char* no : {"f", "0", "0000-00-00 00:00:00"})
    EXPECT_FALSE(with("email_verified", no).user.email_confirmed) << no;
}

TEST(user_table, what_has_no_meaning_names_its_field) {
  for (const auto& [column, value] :
       {std::pair("is_admin", "maybe"), std::pair("is_active", "x"),
        std::pair("email_verified", "perhaps"), std::pair("user_metadata", "[1]"),
        std::pair("user_metadata", "{")}) {
    const auto got = with(column, value);
    ASSERT_TRUE(got.wrong) << value;
    EXPECT_EQ(got.wrong->field, column);
    EXPECT_EQ(got.user.email, "a@b");
  }
  EXPECT_TRUE(with("name", "\xE9t\xE9").wrong) << "Latin-1";
  EXPECT_EQ(with("user_metadata", R"( {"a": 1} )").user.user_metadata.raw, R"({"a": 1})");
}

TEST(user_table, times_of_databases_become_rfc_3339) {
  const std::pair<const char*, const char*> all[] = {
      {"2026-01-31", "2026-01-31T00:00:00Z"},
      {"2026-01-31 12:00:00", "2026-01-31T12:00:00Z"},
      {"2026-01-31T12:00:00.25Z", "2026-01-31T12:00:00.25Z"},
      {"2026-01-31 12:00:00.123456+00", "2026-01-31T12:00:00.123456+00:00"},
      {"2026-01-31 12:00:00-0530", "2026-01-31T12:00:00-05:30"},
      {"2026-01-31T12:00:00+02:00", "2026-01-31T12:00:00+02:00"},
      {"1557126489", "2019-05-06T07:08:09Z"},
      {"1557126489000", "2019-05-06T07:08:09Z"},
      {"0000-00-00 00:00:00", ""},
      {"yesterday", "yesterday"},
      {"", ""},
  };
  for (const auto& [text, time] : all) EXPECT_EQ(to_rfc3339(text), time) << text;
}

} // namespace
} // namespace troupe::cli
