#include "adapters/crypto/jwk.hpp"

#include "actors/ports/foreign_tokens.hpp"
#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/openssl_keys.hpp"
#include "adapters/crypto/sodium_keys.hpp"
#include "adapters/crypto/strict_json.hpp"
#include "messages/base/limits.hpp"

#include <sodium.h>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <span>

namespace troupe::crypto {
namespace {

namespace json = boost::json;

/// The algorithms of a key's type and curve; none when we know none.
std::span<const jws_alg> algorithms_of(const json::object& jwk) {
  static constexpr jws_alg rsa[] = {jws_alg::rs256, jws_alg::rs384, jws_alg::rs512, jws_alg::ps256};
  static constexpr jws_alg p256[] = {jws_alg::es256};
  static constexpr jws_alg p384[] = {jws_alg::es384};
  static constexpr jws_alg ed25519[] = {jws_alg::eddsa};
  const auto kty = string_member(jwk, "kty").value_or("");
  const auto crv = string_member(jwk, "crv").value_or("");
  if (kty == "RSA") return rsa;
  if (kty == "EC" && crv == "P-256") return p256;
  if (kty == "EC" && crv == "P-384") return p384;
  if (kty == "OKP" && crv == "Ed25519") return ed25519;
  return {};
}

/// For signatures, and nothing of its private half is public.
bool is_for_signatures(const json::object& jwk) {
  if (jwk.contains("d") || jwk.contains("k")) return false;
  if (jwk.contains("use") && string_member(jwk, "use") != "sig") return false;
  const auto* operations = jwk.if_contains("key_ops");
  if (operations == nullptr) return true;
  const auto* listed = operations->if_array();
  return listed != nullptr && std::ranges::find(*listed, json::value("verify")) != listed->end();
}

std::unique_ptr<verify_key> key_of(const json::object& jwk, jws_alg alg) {
  const auto bytes = [&](std::string_view name) {
    const auto text = string_member(jwk, name);
    return text ? from_base64url(*text).value_or("") : std::string();
  };
  switch (alg) {
    case jws_alg::eddsa:
      return make_ed25519_verify_key(bytes("x"));
    case jws_alg::es256:
    case jws_alg::es384:
      return make_ec_verify_key(alg, bytes("x"), bytes("y"));
    default:
      return make_rsa_verify_key(alg, bytes("n"), bytes("e"));
  }
}

std::unexpected<error> no_key_set(const char* why) {
  return fail(errc::invalid_argument, std::string("the key set ") + why, "jwks");
}

} // namespace

std::string thumbprint(const jwk_members& members) {
  json::object canonical; // keeps the order of insertion
  for (const auto& [name, value] : members) canonical[name] = value;
  const auto text = json::serialize(canonical);
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return to_base64url(hash);
}

std::string write_jwk(const sign_key& key, jws_alg alg) {
  json::object jwk;
  for (const auto& [name, value] : key.public_members()) jwk[name] = value;
  jwk["alg"] = name_of(alg);
  jwk["use"] = "sig";
  jwk["kid"] = key.kid();
  jwk["key_ops"] = json::array{"verify"};
  return json::serialize(jwk);
}

result<jwk_set> jwk_set::read(std::string_view text) {
  if (text.size() > limits::jwks_bytes) return no_key_set("is too large");
  const auto document = parse_object(text);
  const auto* keys = document ? document->if_contains("keys") : nullptr;
  if (keys == nullptr || !keys->is_array()) return no_key_set("is no JSON Web Key Set");
  if (keys->get_array().size() > limits::jwks_keys) return no_key_set("has too many keys");
  jwk_set set;
  for (const auto& each : keys->get_array()) {
    if (!each.is_object()) return no_key_set("is no JSON Web Key Set");
    const auto& jwk = each.get_object();
    if (!is_for_signatures(jwk)) continue;
    const auto kid = string_member(jwk, "kid").value_or("");
    for (const auto alg : algorithms_of(jwk)) {
      if (jwk.contains("alg") && string_member(jwk, "alg") != name_of(alg)) continue;
      auto key = key_of(jwk, alg);
      if (!key) continue;
      const auto alike = [&](const entry& e) { return e.kid == kid && e.alg == alg; };
      if (!kid.empty() && std::ranges::any_of(set.entries_, alike))
        return no_key_set("names two keys alike");
      set.entries_.push_back({kid, alg, std::move(key)});
    }
  }
  return set;
}

result<const verify_key*> jwk_set::find(const jws_header& header) const {
  const entry* found = nullptr;
  bool named = false;
  for (const auto& each : entries_) {
    if (!header.kid.empty() && each.kid != header.kid) continue;
    named = true;
    if (each.alg != header.alg) continue;
    if (found != nullptr) return fail(errc::unauthenticated, "the token does not name its key");
    found = &each;
  }
  if (found != nullptr) return found->key.get();
  auto why = make_error(errc::unauthenticated, "the token's key is not known");
  if (!named && !header.kid.empty()) why.reason = unknown_key_reason;
  return std::unexpected(std::move(why));
}

} // namespace troupe::crypto
