#include "actors/auth/issuer_rules.hpp"

#include "actors/auth/account_rules.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/chat_json.hpp"
#include "messages/validate.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

namespace troupe::issuer_rules {
namespace {

constexpr std::string_view https = "https://", http = "http://";

std::unexpected<error> no_metadata(const char* why) {
  return fail(errc::upstream_failed, std::string("its discovery document ") + why);
}

error refused(std::string message, const char* reason) {
  auto e = make_error(errc::forbidden, std::move(message));
  e.reason = reason;
  return e;
}

/// The text, when the owner of an account could set this field to it; else empty.
std::string if_allowed(std::optional<std::string> update_me_request::* field,
                       const std::string& text) {
  update_me_request wish;
  wish.*field = text;
  return validate(wish) ? text : std::string();
}

/// GoTrue's names of what a provider says of somebody, as apps read them.
json_text user_metadata_of(const foreign_claims& claims) {
  chat_json::object_builder out;
  out.add("iss", claims.iss).add("sub", claims.sub).add("provider_id", claims.sub);
  if (!trusted_email(claims).empty()) out.add("email", claims.email);
  constexpr std::size_t most = 2048; // else the metadata could not be changed any more
  if (!claims.name.empty() && claims.name.size() <= most)
    out.add("name", claims.name).add("full_name", claims.name);
  const auto picture = chat_json::string_field(claims.payload, "picture").value_or("");
  if (!picture.empty() && picture.size() <= most)
    out.add("picture", picture).add("avatar_url", picture);
  return out.build();
}

} // namespace

fetch_request json_request(std::string url) {
  fetch_request out;
  out.url = std::move(url);
  out.headers = {{"Accept", "application/json"}};
  out.timeout = limits::issuer_fetch_timeout;
  out.answer_bytes_max = limits::jwks_bytes;
  return out;
}

std::string discovery_url(std::string_view issuer) {
  while (issuer.ends_with('/')) issuer.remove_suffix(1);
  return std::string(issuer) + "/.well-known/openid-configuration";
}

result<std::string> keys_url_of(const fetch_reply& discovery, std::string_view issuer) {
  if (discovery.status != 200) return no_metadata("is not there");
  const json_text metadata{discovery.body};
  if (chat_json::string_field(metadata, "issuer") != issuer)
    return no_metadata("is of another issuer");
  auto url = chat_json::string_field(metadata, "jwks_uri").value_or("");
  if (!is_endpoint(url, issuer)) return no_metadata("names no place of its keys");
  return url;
}

bool is_endpoint(std::string_view url, std::string_view issuer) noexcept {
  const bool is_clean = std::ranges::all_of(url, [](char c) { return c > ' ' && c != '\x7f'; });
  return is_clean &&
         (url.starts_with(https) || (url.starts_with(http) && !issuer.starts_with(https)));
}

std::chrono::seconds keys_age(std::string_view cache_control) {
  std::string text(cache_control);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr std::string_view directive = "max-age=";
  std::int64_t seconds = 0;
  // `s-maxage` is for shared caches and spelled otherwise; what is no number counts as none.
  if (const auto at = text.find(directive); at != text.npos)
    if (std::from_chars(text.data() + at + directive.size(), text.data() + text.size(), seconds)
            .ec == std::errc::result_out_of_range)
      seconds = limits::issuer_keys_age_max.count();
  return std::clamp(std::chrono::seconds(seconds), limits::issuer_keys_age_min,
                    limits::issuer_keys_age_max);
}

std::chrono::milliseconds ask_pause::left(time_point now) const {
  return std::chrono::ceil<std::chrono::milliseconds>(until_ - now);
}

std::string trusted_email(const foreign_claims& claims) {
  if (!claims.email_verified || claims.email.empty()) return {};
  return if_allowed(&update_me_request::email, claims.email);
}

user_row new_user(const foreign_issuer& from, const foreign_claims& claims) {
  auto email = trusted_email(claims);
  const bool confirmed = !email.empty();
  auto row = account_rules::new_user(
      std::move(email), if_allowed(&update_me_request::name, claims.name), {}, confirmed);
  row.role = from.role;
  const auto name = chat_json::quoted(from.name);
  row.user_metadata = user_metadata_of(claims);
  row.app_metadata.raw = R"({"provider":)" + name + R"(,"providers":[)" + name + "]}";
  return row;
}

identity_row new_identity(const foreign_issuer& from, const foreign_claims& claims,
                          std::string user_id) {
  identity_row row;
  row.provider = from.name;
  row.subject = claims.sub;
  row.user_id = std::move(user_id);
  row.data = claims.payload;
  row.created_at = row.last_sign_in_at = account_rules::now_text();
  return row;
}

result<void> may_link(const foreign_issuer& from, const user_row& account) {
  if (!from.link_by_email)
    return std::unexpected(
        refused("an account with this e-mail exists, and this issuer's users are not linked by "
                "e-mail (issuers.*.link_by_email)",
                "email_exists"));
  if (account.role == "admin" || account.email_confirmed_at.empty())
    return std::unexpected(
        refused("an account with this e-mail exists that may not be linked: it is an admin's, or "
                "its e-mail is not confirmed",
                "email_exists"));
  return {};
}

error email_not_verified() {
  return refused("this issuer's users need a verified e-mail, and the token shows none",
                 "email_not_verified");
}

error no_account() {
  return refused("nobody here has this identity, and this issuer's tokens make no accounts",
                 "account_not_found");
}

error issuer_unreachable(std::chrono::milliseconds wait) {
  auto e = make_error(errc::unavailable, "the token's issuer cannot be asked for its keys");
  e.retry_after_ms = static_cast<std::uint32_t>(std::max<std::int64_t>(1000, wait.count()));
  return e;
}

} // namespace troupe::issuer_rules
