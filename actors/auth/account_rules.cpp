#include "actors/auth/account_rules.hpp"

#include "actors/log/log_rules.hpp"
#include "messages/base/ids.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/chat_json.hpp"

#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

namespace troupe::account_rules {
namespace {

constexpr double micro = 1e6;

std::optional<std::string> present(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

json_text object_or_empty(const json_text& value) {
  return value.empty() ? json_text{"{}"} : value;
}

/// Merges a patch (RFC 7396) into metadata; absent changes nothing.
result<void> merge(json_text& into, const json_text& patch) {
  if (patch.empty()) return {};
  auto merged = chat_json::merge_patch(object_or_empty(into), patch);
  if (!merged) return std::unexpected(std::move(merged.error()));
  if (merged->raw.size() > limits::metadata_bytes)
    return fail(errc::invalid_argument, "metadata has at most 16 KiB in all", "user_metadata");
  into = std::move(*merged);
  return {};
}

/// A new address is not confirmed, whatever the old one was.
void set_email(user_row& to, const std::string& email) {
  if (to.email == email) return;
  to.email = email;
  to.email_confirmed_at.clear();
}

/// The account's own e-mail as a way to sign in.
identity_view own_identity(const user_row& row) {
  identity_view out;
  out.id = out.identity_id = out.user_id = row.id;
  out.provider = "email";
  out.identity_data.raw = R"({"email":)" + chat_json::quoted(row.email) + R"(,"email_verified":)" +
                          (row.email_confirmed_at.empty() ? "false" : "true") + R"(,"sub":")" +
                          row.id + R"("})";
  out.created_at = row.created_at;
  out.last_sign_in_at = row.last_sign_in_at;
  return out;
}

identity_view view_of(const identity_row& row) {
  return {row.subject,        row.provider + ':' + row.subject,
          row.user_id,        row.data,
          row.provider,       row.created_at,
          row.last_sign_in_at};
}

} // namespace

std::string now_text() {
  return log_rules::format_time(std::chrono::system_clock::now());
}

std::string now_text_after(std::chrono::seconds from_now) {
  return log_rules::format_time(std::chrono::system_clock::now() + from_now);
}

user_row new_user(std::string email, std::string name, std::string password_hash, bool confirmed) {
  user_row row;
  row.id = make_uuid();
  row.email = std::move(email);
  row.name = std::move(name);
  row.password_hash = std::move(password_hash);
  row.created_at = row.updated_at = now_text();
  if (confirmed) row.email_confirmed_at = row.created_at;
  row.app_metadata.raw = R"({"provider":"email","providers":["email"]})";
  return row;
}

bool is_banned(const user_row& row, std::string_view now) noexcept {
  return row.banned_until > now;
}

user_view view_of(const user_row& row, const std::vector<identity_row>& identities,
                  std::string_view now) {
  user_view view;
  view.id = row.id;
  view.email = row.email;
  view.name = row.name;
  view.account_role = row.role;
  view.admin = row.role == "admin";
  view.is_anonymous = row.anonymous;
  view.email_confirmed_at = view.confirmed_at = present(row.email_confirmed_at);
  view.last_sign_in_at = present(row.last_sign_in_at);
  if (is_banned(row, now)) view.banned_until = row.banned_until;
  view.app_metadata = object_or_empty(row.app_metadata);
  view.user_metadata = object_or_empty(row.user_metadata);
  if (!row.email.empty()) view.identities.push_back(own_identity(row));
  for (const auto& identity : identities) view.identities.push_back(view_of(identity));
  view.created_at = row.created_at;
  view.updated_at = row.updated_at;
  return view;
}

result<void> apply(const update_me_request& in, user_row& to) {
  if (in.email) set_email(to, *in.email);
  if (in.name) to.name = *in.name;
  return merge(to.user_metadata, in.user_metadata);
}

result<void> apply(const update_user_request& in, user_row& to) {
  if (in.email) set_email(to, *in.email);
  if (in.name) to.name = *in.name;
  if (in.account_role) to.role = *in.account_role;
  if (in.email_confirmed) to.email_confirmed_at = *in.email_confirmed ? now_text() : std::string();
  if (in.banned_for)
    to.banned_until =
        *in.banned_for == 0 ? std::string() : now_text_after(std::chrono::seconds(*in.banned_for));
  if (auto ok = merge(to.app_metadata, in.app_metadata); !ok) return ok;
  return merge(to.user_metadata, in.user_metadata);
}

result<user_row> row_of(const import_user& in) {
  auto row = new_user(in.email, in.name.value_or(""), in.password_hash.value, in.email_confirmed);
  if (!in.id.empty()) row.id = in.id;
  if (in.account_role) row.role = *in.account_role;
  if (!in.active) row.banned_until = for_good;
  row.user_metadata = in.user_metadata;
  if (in.created_at.empty()) return row;
  auto at = log_rules::normal_time(in.created_at, "created_at");
  if (!at) return std::unexpected(std::move(at.error()));
  row.created_at = *at;
  if (in.email_confirmed) row.email_confirmed_at = std::move(*at);
  return row;
}

result<void> apply(const import_user& in, user_row& to) {
  if (in.name) to.name = *in.name;
  if (in.account_role) to.role = *in.account_role;
  if (to.password_hash.empty()) to.password_hash = in.password_hash.value;
  return merge(to.user_metadata, in.user_metadata);
}

bool is_same(const user_row& a, const user_row& b) noexcept {
  const auto part = [](const user_row& row) {
    return std::tie(row.name, row.role, row.password_hash, row.user_metadata.raw);
  };
  return part(a) == part(b);
}

caps_row row_of(const put_caps_request& in) {
  return {in.subject, in.requests_per_minute, in.tokens_per_minute, in.streams,
          std::llround(in.usd_per_day * micro)};
}

caps_view view_of(const caps_row& row) {
  caps_view view;
  view.subject = row.subject;
  view.requests_per_minute = row.requests_per_minute;
  view.tokens_per_minute = row.tokens_per_minute;
  view.streams = row.streams;
  view.usd_per_day = static_cast<double>(row.micro_usd_per_day) / micro;
  return view;
}

signing_key_view view_of(const signing_key_row& row) {
  signing_key_view view;
  view.id = row.kid;
  view.alg = row.alg;
  view.created_at = row.created_at;
  if (row.retires_at != 0) view.retires_at = row.retires_at;
  return view;
}

organization_view view_of(const organization_row& row) {
  organization_view view;
  view.id = row.id;
  view.name = row.name;
  view.role = row.role;
  view.created_at = row.created_at;
  return view;
}

member_view view_of(const member_row& row) {
  member_view view;
  view.user_id = row.user_id;
  view.email = row.email;
  view.role = row.role;
  view.created_at = row.created_at;
  return view;
}

bool may(std::string_view role, organization_act act) noexcept {
  using enum organization_act;
  if (role == "owner") return true;
  if (role == "admin") return act == read || act == rename || act == manage_members;
  return role == "member" && act == read;
}

} // namespace troupe::account_rules
