#include "adapters/crypto/jws.hpp"

#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/strict_json.hpp"
#include "messages/base/limits.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace troupe::crypto {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 8> fixed_claims{"sub", "sid", "session_id", "iat",
                                                       "exp", "nbf", "iss",        "aud"};

/// `typ` in lower case, for it is a media type (RFC 7515, 4.1.9); `jwt` when absent.
std::string type_of(const json::object& header) {
  if (!header.contains("typ")) return "jwt";
  auto type = string_member(header, "typ").value_or("");
  std::ranges::transform(type, type.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return type;
}

/// RFC 9068.
bool is_access_token(std::string_view type) {
  return type == "at+jwt" || type == "application/at+jwt";
}

/// Others (`logout+jwt`, `dpop+jwt`, …) are no credentials.
bool type_allowed(std::string_view type) {
  return type == "jwt" || is_access_token(type);
}

void add_extra(const json_text& extra, json::object& payload) {
  if (extra.empty() || extra.raw.size() > limits::token_extra_bytes) return;
  const auto members = parse_object(extra.raw);
  if (!members) return;
  for (const auto& member : *members)
    if (std::ranges::find(fixed_claims, std::string_view(member.key())) == fixed_claims.end())
      payload.insert(member);
}

/// The session's id under either of its names; under both it must be the same.
std::optional<std::string> session_of(const json::object& payload) {
  auto sid = string_member(payload, "sid");
  if (!payload.contains("session_id")) return sid;
  auto session_id = string_member(payload, "session_id");
  if (payload.contains("sid") && sid != session_id) return std::nullopt;
  return session_id;
}

/// A string or an array of strings (RFC 7519, 4.1.3), of which the first counts; empty when absent.
std::optional<std::string> audience_of(const json::object& payload) {
  const auto* aud = payload.if_contains("aud");
  if (aud == nullptr) return std::string();
  const auto* first = aud;
  if (const auto* several = aud->if_array()) {
    if (several->empty()) return std::string();
    first = &several->front();
  }
  if (!first->is_string()) return std::nullopt;
  return std::string(first->get_string());
}

} // namespace

std::optional<jws_parts> split_jws(std::string_view token) {
  if (token.size() > limits::token_bytes) return std::nullopt;
  const auto first = token.find('.');
  if (first == token.npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) return std::nullopt;
  jws_parts parts{.header = token.substr(0, first),
                  .payload = token.substr(first + 1, second - first - 1),
                  .signature = token.substr(second + 1),
                  .signed_part = token.substr(0, second)};
  if (parts.header.empty() || parts.payload.empty() || parts.signature.empty()) return std::nullopt;
  return parts;
}

std::string write_header(const jws_header& header) {
  json::object object{{"alg", name_of(header.alg)}, {"typ", "JWT"}};
  if (!header.kid.empty()) object["kid"] = header.kid;
  return json::serialize(object);
}

std::optional<jws_header> read_header(std::string_view base64url) {
  const auto text = from_base64url(base64url);
  if (!text) return std::nullopt;
  const auto object = parse_object(*text);
  if (!object || object->contains("crit")) return std::nullopt;
  const auto type = type_of(*object);
  if (!type_allowed(type)) return std::nullopt;
  const auto alg = jws_alg_named(string_member(*object, "alg").value_or(""));
  if (!alg) return std::nullopt;
  jws_header header{*alg, {}, is_access_token(type)};
  if (object->contains("kid")) {
    auto kid = string_member(*object, "kid");
    if (!kid || kid->size() > limits::token_kid_bytes) return std::nullopt;
    header.kid = std::move(*kid);
  }
  return header;
}

std::string write_claims(const token_claims& claims) {
  json::object payload{{"sub", claims.sub},
                       {"sid", claims.sid},
                       {"session_id", claims.sid},
                       {"iat", claims.iat},
                       {"exp", claims.exp}};
  if (!claims.iss.empty()) payload["iss"] = claims.iss;
  if (!claims.aud.empty()) payload["aud"] = claims.aud;
  add_extra(claims.extra, payload);
  return json::serialize(payload);
}

std::optional<jws_claims> read_claims(std::string_view text) {
  const auto payload = parse_object(text);
  if (!payload) return std::nullopt;
  auto sub = string_member(*payload, "sub");
  auto sid = session_of(*payload);
  const auto iat = integer_member(*payload, "iat");
  const auto exp = integer_member(*payload, "exp");
  if (!sub || sub->empty() || !sid || sid->empty() || !iat || !exp) return std::nullopt;
  auto iss = payload->contains("iss") ? string_member(*payload, "iss") : std::string();
  auto aud = audience_of(*payload);
  const auto nbf = payload->contains("nbf") ? integer_member(*payload, "nbf") : 0;
  if (!iss || !aud || !nbf) return std::nullopt;
  jws_claims found{{std::move(*sub), std::move(*sid), *iat, *exp}, *nbf};
  found.claims.iss = std::move(*iss);
  found.claims.aud = std::move(*aud);
  return found;
}

} // namespace troupe::crypto
