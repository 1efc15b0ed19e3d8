#include "adapters/crypto/foreign_claims_check.hpp"

#include "adapters/crypto/strict_json.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cmath>

namespace troupe::crypto {
namespace {

namespace json = boost::json;

constexpr std::size_t subject_bytes_max = 255; // OpenID Connect Core 1.0, 2

std::unexpected<error> refused(const char* why) {
  return fail(errc::unauthenticated, why);
}

/// Seconds since 1970, perhaps with a fraction (RFC 7519, 2); nullopt when absent or no such time.
std::optional<std::int64_t> time_member(const json::object& from, std::string_view name) {
  constexpr double latest = 1e15; // exact as a double, and no sum with a leeway overflows
  const auto* value = from.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const auto seconds = value->to_number<double>();
  if (!(std::abs(seconds) <= latest)) return std::nullopt;
  return static_cast<std::int64_t>(std::floor(seconds));
}

bool is_in(const std::vector<std::string>& allowed, const json::value& name) {
  return name.is_string() &&
         std::ranges::find(allowed, std::string_view(name.get_string())) != allowed.end();
}

/// A string or an array of strings of which one is allowed (RFC 7519, 4.1.3).
bool names_audience(const json::value& aud, const std::vector<std::string>& allowed) {
  if (const auto* several = aud.if_array())
    return std::ranges::any_of(*several, [&](const auto& each) { return is_in(allowed, each); });
  return is_in(allowed, aud);
}

/// Whether the token is of an allowed use, and meant for us.
bool is_for_us(const json::object& claims, const foreign_issuer_config& expected) {
  const char* audience = "aud";
  if (!expected.token_uses.empty()) {
    const auto* use = claims.if_contains("token_use");
    if (use == nullptr || !is_in(expected.token_uses, *use)) return false;
    if (*use == "access") audience = "client_id";
  }
  if (expected.audiences.empty()) return true;
  const auto* named = claims.if_contains(audience);
  return named != nullptr && names_audience(*named, expected.audiences);
}

result<std::int64_t> check_times(const json::object& claims, std::int64_t now,
                                 std::int64_t leeway) {
  const auto exp = time_member(claims, "exp");
  if (!exp) return refused("the token does not say when it expires");
  if (*exp <= now - leeway) return refused("the token has expired");
  for (const char* name : {"nbf", "iat"}) {
    if (!claims.contains(name)) continue;
    const auto from = time_member(claims, name);
    if (!from || *from > now + leeway) return refused("the token is not valid yet");
  }
  return *exp;
}

/// Cognito writes the flag as a string in places.
bool is_true(const json::value* flag) {
  return flag != nullptr && (*flag == true || *flag == "true");
}

} // namespace

result<foreign_claims> judge_claims(std::string payload, const foreign_issuer_config& expected,
                                    std::int64_t now) {
  const auto claims = parse_object(payload);
  if (!claims) return refused("the token's claims are malformed");
  if (string_member(*claims, "iss") != expected.issuer)
    return refused("the token is of another issuer");
  if (!is_for_us(*claims, expected)) return refused("the token is meant for another audience");
  const auto exp = check_times(*claims, now, expected.leeway.count());
  if (!exp) return std::unexpected(exp.error());
  auto sub = string_member(*claims, "sub");
  if (!sub || sub->empty() || sub->size() > subject_bytes_max)
    return refused("the token does not say whose it is");
  return foreign_claims{.sub = std::move(*sub),
                        .iss = expected.issuer,
                        .email = string_member(*claims, "email").value_or(""),
                        .email_verified = is_true(claims->if_contains("email_verified")),
                        .name = string_member(*claims, "name").value_or(""),
                        .exp = *exp,
                        .payload = {std::move(payload)}};
}

} // namespace troupe::crypto
