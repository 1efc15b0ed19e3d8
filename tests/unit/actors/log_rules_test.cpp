// Goal: times, owners and filters of log records are decided as the API says. Method: pure calls.
#include "actors/log/log_rules.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono;
const auto noon = sys_days(year(2026) / 1 / 31) + hours(12) + microseconds(1);

log_input line(std::string message) {
  log_input in;
  in.level = log_level::warn;
  in.service = "shop";
  in.message = std::move(message);
  return in;
}

caller user(std::string id, bool admin = false) {
  caller who;
  who.user = std::move(id);
  who.admin = admin;
  return who;
}

TEST(log_rules, a_time_is_written_in_utc_with_microseconds) {
  EXPECT_EQ(log_rules::format_time(noon), "2026-01-31T12:00:00.000001Z");
}

TEST(log_rules, any_rfc_3339_time_becomes_utc) {
  const auto at = [](std::string_view text) {
    return log_rules::normal_time(text, "since").value();
  };
  EXPECT_EQ(at("2026-01-31T12:00:00Z"), "2026-01-31T12:00:00.000000Z");
  EXPECT_EQ(at("2026-01-31t12:00:00.5z"), "2026-01-31T12:00:00.500000Z");
  EXPECT_EQ(at("2026-01-31T23:30:00.123456789-01:30"), "2026-02-01T01:00:00.123456Z");
  EXPECT_EQ(at("2024-02-29T00:00:00+05:30"), "2024-02-28T18:30:00.000000Z");
}

TEST(log_rules, what_is_no_time_is_refused_with_the_parameters_name) {
  for (const auto* text :
       {"", "yesterday", "2026-02-30T00:00:00Z", "2026-01-31", "2026-01-31T12:00:00",
        "2026-01-31T25:00:00Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00Zx",
        "2026-01-31T12:00:00+5:30", "-026-01-31T12:00:00Z", "2026-00-10T00:00:00Z"}) {
    const auto r = log_rules::normal_time(text, "until");
    ASSERT_FALSE(r) << text;
    EXPECT_EQ(r.error().param, "until");
    EXPECT_EQ(r.error().code, errc::invalid_argument);
  }
}

TEST(log_rules, a_users_records_are_its_own_whatever_the_request_says) {
  append_logs_request in;
  in.records = {line("a"), line("b")};
  in.users = {"somebody", "else"};
  in.batch = "log_stolen";
  const auto out = log_rules::records_of(in, user("ada"), noon).value();
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].user, "ada");
  EXPECT_FALSE(out[0].id.starts_with("log_stolen"));
  EXPECT_NE(out[0].id, out[1].id);
  EXPECT_EQ(out[1].time, "2026-01-31T12:00:00.000001Z");
}

TEST(log_rules, an_internal_batch_sent_twice_has_the_same_ids) {
  append_logs_request in;
  in.records = {line("a"), line("b")};
  in.users = {"ada", "bob"};
  in.batch = "log_1";
  const auto first = log_rules::records_of(in, {}, noon).value();
  const auto again = log_rules::records_of(in, {}, noon + seconds(1)).value();
  EXPECT_EQ(first[1].id, again[1].id);
  EXPECT_EQ(first[1].user, "bob");
  in.users.pop_back();
  EXPECT_EQ(log_rules::records_of(in, {}, noon).error().param, "users");
}

TEST(log_rules, only_an_admin_reads_another_users_records) {
  list_logs_request in;
  in.user = "bob";
  EXPECT_EQ(log_rules::filter_of(in, user("ada"))->user, "ada");
  EXPECT_EQ(log_rules::filter_of(in, user("root", true))->user, "bob");
  in.user.clear();
  EXPECT_EQ(log_rules::filter_of(in, user("root", true))->user, "root");
}

TEST(log_rules, a_query_is_split_into_words) {
  list_logs_request in;
  in.q = "  disk   full\tnow ";
  EXPECT_EQ(log_rules::filter_of(in, user("ada"))->words,
            (std::vector<std::string>{"disk", "full", "now"}));
  in.since = "soon";
  EXPECT_EQ(log_rules::filter_of(in, user("ada")).error().param, "since");
}

} // namespace
} // namespace troupe
