#include "actors/auth/auth_rules.hpp"

#include "actors/auth/sign_in_rules.hpp"
#include "messages/base/ids.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/chat_json.hpp"
#include "messages/scopes.hpp"

#include <algorithm>
#include <utility>

namespace troupe::auth_rules {

using sign_in_rules::refusal;

bool is_api_key(std::string_view credential) noexcept {
  return credential.starts_with(key_prefix);
}

refresh_verdict judge_refresh(const session_row& session, std::int64_t now_ms) noexcept {
  if (session.revoked || session.expires_at * 1000 <= now_ms) return refresh_verdict::dead;
  if (session.spent_at == 0) return refresh_verdict::rotate;
  return now_ms - session.spent_at <= 1000 * limits::refresh_reuse_window.count()
             ? refresh_verdict::reuse
             : refresh_verdict::stolen;
}

api_key_view view_of(const api_key_row& row) {
  api_key_view view;
  view.id = row.id;
  view.name = row.name;
  view.hint = row.hint;
  view.scopes = row.scopes;
  view.organization = row.organization;
  view.created_at = row.created_at;
  if (row.expires_at != 0) view.expires_at = row.expires_at;
  if (row.last_used_at != 0) view.last_used_at = row.last_used_at;
  return view;
}

session_view view_of(const session_row& row, std::string_view current) {
  session_view view;
  view.id = row.id;
  view.current = row.id == current;
  view.method = row.method;
  view.address = row.address;
  view.user_agent = row.user_agent;
  view.created_at = row.created_at;
  view.refreshed_at = row.rotated_at / 1000;
  view.expires_at = row.expires_at;
  return view;
}

namespace {

/// Nothing that any method wants.
constexpr std::string_view no_scope = "none";

/// What a viewer may at most.
const std::vector<std::string>& viewer_scopes() {
  static const std::vector<std::string> scopes{"documents:read", "logs:read"};
  return scopes;
}

} // namespace

caller caller_of(const user_row& user, std::vector<std::string> scopes) {
  caller who;
  who.user = user.id;
  who.email = user.email;
  who.admin = user.role == "admin" && has_scope(scopes, "admin");
  if (user.role == "viewer") {
    if (scopes.empty()) scopes = viewer_scopes();
    std::erase_if(scopes, [](const auto& s) { return !has_scope(viewer_scopes(), s); });
    if (scopes.empty()) scopes.emplace_back(no_scope); // none at all would be every one
    who.scopes = std::move(scopes);
  } else {
    who.scopes = std::move(scopes);
  }
  return who;
}

std::vector<std::string> capped_subjects(const caller& who) {
  std::vector<std::string> out{"user:" + who.user};
  if (!who.key.empty()) out.push_back("key:" + who.key);
  if (!who.organization.empty()) out.push_back("org:" + who.organization);
  return out;
}

void hold_to(caller& who, std::vector<usage_caps> caps, const usage_caps& defaults) {
  const auto user = "user:" + who.user;
  who.caps = std::move(caps);
  if (std::ranges::find(who.caps, user, &usage_caps::subject) == who.caps.end() &&
      defaults != usage_caps{}) {
    who.caps.push_back(defaults);
    who.caps.back().subject = user;
  }
  who.is_limited = !who.caps.empty();
}

new_key make_key(std::string user_id, std::string name, const digests& digest, std::int64_t now) {
  new_key made;
  made.text = std::string(key_prefix) + digest.random_token(32);
  made.row.id = make_id("key_");
  made.row.user_id = std::move(user_id);
  made.row.name = std::move(name);
  made.row.hash = digest.sha256_hex(made.text);
  made.row.hint = made.text.substr(0, key_prefix.size() + 4) + "…";
  made.row.created_at = now;
  return made;
}

namespace {

bool fits(const json_text& extra) {
  return extra.raw.size() <= limits::token_extra_bytes;
}

/// What clients of supabase read in a token; our own services ask the store instead.
json_text extra_claims(const user_row& user) {
  const std::string who = R"({"email":)" + chat_json::quoted(user.email) +
                          R"(,"phone":"","role":"authenticated","aal":"aal1","is_anonymous":)" +
                          (user.anonymous ? "true" : "false");
  const auto with = [&](const json_text& app, const json_text& own) {
    return json_text{who + R"(,"app_metadata":)" + (app.empty() ? "{}" : app.raw) +
                     R"(,"user_metadata":)" + (own.empty() ? "{}" : own.raw) + "}"};
  };
  // A token travels with every request: metadata that would make it long is asked for with /me.
  if (auto all = with(user.app_metadata, user.user_metadata); fits(all)) return all;
  if (auto some = with(user.app_metadata, {}); fits(some)) return some;
  return with({}, {});
}

} // namespace

issued issue(const user_row& user, const std::string& session_id, const token_signer& signer,
             const digests& digest, std::int64_t now) {
  issued out;
  out.refresh_token = digest.random_token(32);
  out.refresh_hash = digest.sha256_hex(out.refresh_token);
  token_claims claims{user.id, session_id, now, now + limits::access_token_ttl.count()};
  claims.aud = "authenticated";
  claims.extra = extra_claims(user);
  out.reply.access_token = signer.sign(claims);
  out.reply.refresh_token = out.refresh_token;
  out.reply.expires_in = limits::access_token_ttl.count();
  out.reply.expires_at = claims.exp;
  return out;
}

error signup_closed() {
  return refusal(errc::forbidden, "signup_disabled", "sign-up is closed (auth.signup)");
}

error confirmation_wanted() {
  return refusal(errc::forbidden, "email_confirmation_required",
                 "e-mail addresses are confirmed here (auth.confirm_email): "
                 "sign up with POST /auth/v1/signup");
}

error banned() {
  return refusal(errc::forbidden, "user_banned", "this account is disabled");
}

error wrong_credentials() {
  return refusal(errc::unauthenticated, "invalid_credentials", "wrong e-mail or password");
}

error session_gone() {
  return refusal(errc::unauthenticated, "session_not_found",
                 "the session of this access token has ended");
}

error dead_refresh_token() {
  return refusal(errc::unauthenticated, "refresh_token_not_found",
                 "the refresh token is wrong, expired or revoked");
}

error spent_refresh_token() {
  return refusal(errc::unauthenticated, "refresh_token_already_used",
                 "the refresh token was used already");
}

error unknown_credential() {
  return refusal(errc::unauthenticated, "invalid_api_key",
                 "the API key or access token is wrong, expired or revoked");
}

} // namespace troupe::auth_rules
