// Goal: what a refresh token means is decided by its session alone. Method: pure calls with a clock
// of the test's own.
#include "actors/auth/auth_rules.hpp"

#include "messages/scopes.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using auth_rules::caller_of;
using auth_rules::judge_refresh;
using auth_rules::refresh_verdict;

session_row session(std::int64_t spent_at = 0) {
  session_row row;
  row.id = "s";
  row.user_id = "u";
  row.refresh_hash = "new";
  row.rotated_at = 1'000'000;
  row.expires_at = 9000;
  row.spent_at = spent_at;
  return row;
}

TEST(auth_rules, the_current_refresh_token_rotates) {
  EXPECT_EQ(judge_refresh(session(), 5'000'000), refresh_verdict::rotate);
}

TEST(auth_rules, a_spent_one_rotates_again_for_ten_seconds) {
  EXPECT_EQ(judge_refresh(session(1'000'000), 1'000'000), refresh_verdict::reuse);
  EXPECT_EQ(judge_refresh(session(1'000'000), 1'010'000), refresh_verdict::reuse);
}

TEST(auth_rules, a_spent_one_revokes_the_family_after_ten_seconds) {
  EXPECT_EQ(judge_refresh(session(1'000'000), 1'010'001), refresh_verdict::stolen);
  EXPECT_EQ(judge_refresh(session(500'000), 1'005'000), refresh_verdict::stolen);
}

TEST(auth_rules, an_expired_or_revoked_session_is_dead) {
  EXPECT_EQ(judge_refresh(session(), 9'000'000), refresh_verdict::dead);
  auto revoked = session();
  revoked.revoked = true;
  EXPECT_EQ(judge_refresh(revoked, 1'000'000), refresh_verdict::dead);
  revoked.spent_at = 500'000;
  EXPECT_EQ(judge_refresh(revoked, 2'000'000), refresh_verdict::dead);
}

TEST(auth_rules, a_view_of_a_key_never_holds_the_key) {
  api_key_row row;
  row.id = "key_1";
  row.hash = "digest";
  row.hint = "tr-abcd…";
  const auto view = auth_rules::view_of(row);
  EXPECT_FALSE(view.key.has_value());
  EXPECT_EQ(view.hint, "tr-abcd…");
}

TEST(auth_rules, a_credential_with_the_prefix_is_an_api_key) {
  EXPECT_TRUE(auth_rules::is_api_key("tr-x"));
  EXPECT_FALSE(auth_rules::is_api_key("eyJhbGciOiJFZERTQSJ9.e30.x"));
  EXPECT_FALSE(auth_rules::is_api_key(""));
}

TEST(auth_rules, a_viewer_reads_and_a_key_of_one_reads_no_more_than_it_says) {
  user_row viewer;
  viewer.role = "viewer";
  EXPECT_EQ(caller_of(viewer, {}).scopes,
            (std::vector<std::string>{"documents:read", "logs:read"}));
  EXPECT_EQ(caller_of(viewer, {"chat", "logs:read"}).scopes, std::vector<std::string>{"logs:read"});
  const auto none = caller_of(viewer, {"chat"}).scopes;
  for (const auto scope : scopes) EXPECT_FALSE(has_scope(none, scope)) << scope;
  EXPECT_TRUE(has_scope(none, scope_of<me_request>()));
  EXPECT_TRUE(has_scope(none, scope_of<logout_request>()));
}

} // namespace
} // namespace troupe
