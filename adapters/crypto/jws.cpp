#include "adapters/crypto/jws.hpp"

#include "adapters/crypto/base64url.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace troupe::crypto {
namespace {

namespace json = boost::json;

std::optional<json::object> parse_object(std::string_view text) {
  json::parse_options strict;
  strict.max_depth = 8;
  boost::system::error_code failed;
  auto value = json::parse(text, failed, {}, strict);
  if (failed || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

/// The member as a string; nullopt when absent or of another type.
std::optional<std::string> string_member(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::optional<std::int64_t> integer_member(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt; // no real JWT time is past 2^63
  return value->get_int64();
}

} // namespace

std::optional<jws_parts> split_jws(std::string_view token) {
  if (token.size() > token_bytes_max) return std::nullopt;
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
  json::object object{{"alg", header.alg}, {"typ", "JWT"}};
  if (!header.kid.empty()) object["kid"] = header.kid;
  return json::serialize(object);
}

bool header_allowed(std::string_view base64url, const jws_header& expected) {
  const auto text = from_base64url(base64url);
  if (!text) return false;
  const auto object = parse_object(*text);
  if (!object || object->contains("crit") || string_member(*object, "alg") != expected.alg)
    return false;
  if (object->contains("typ") && string_member(*object, "typ") != "JWT") return false;
  return expected.kid.empty() || string_member(*object, "kid") == expected.kid;
}

std::string write_claims(const token_claims& claims) {
  return json::serialize(json::object{
      {"sub", claims.sub}, {"sid", claims.sid}, {"iat", claims.iat}, {"exp", claims.exp}});
}

std::optional<jws_claims> read_claims(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return std::nullopt;
  auto sub = string_member(*object, "sub");
  auto sid = string_member(*object, "sid");
  const auto iat = integer_member(*object, "iat");
  const auto exp = integer_member(*object, "exp");
  if (!sub || sub->empty() || !sid || sid->empty() || !iat || !exp) return std::nullopt;
  std::int64_t not_before = 0;
  if (object->contains("nbf")) {
    const auto nbf = integer_member(*object, "nbf");
    if (!nbf) return std::nullopt;
    not_before = *nbf;
  }
  return jws_claims{{std::move(*sub), std::move(*sid), *iat, *exp}, not_before};
}

} // namespace troupe::crypto
