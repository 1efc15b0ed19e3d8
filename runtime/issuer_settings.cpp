#include "runtime/issuer_settings.hpp"

#include <algorithm>
#include <map>

namespace troupe {
namespace {

constexpr std::string_view hs256 = "HS256";

/// A member of foreign_issuer_config as a key.
std::string key_of(const std::string& member) {
  if (member == "hs256_secret") return "jwt_secret";
  if (member == "audiences") return "audience";
  return member == "token_uses" ? "token_use" : member;
}

/// Checks one issuer; complaints are about its keys.
class checker {
public:
  checker(const loaded_config& all, std::string name) : all_(all), name_(std::move(name)) {}

  result<void> check(const settings::token_issuer& in) const {
    if (in.issuer.empty()) return wrong("issuer", "is wanted");
    if (auto fits = check_client(in); !fits) return fits;
    if (in.audience.empty() && in.client_id.empty() && in.kind != "supabase")
      return wrong("audience",
                   "is wanted, for a token that the issuer gave another program must not be taken");
    if (!in.token_use.empty() && in.kind != "cognito")
      return wrong("token_use", "only kind = \"cognito\" has it");
    const auto& ours = all_.values.auth.jwt_secret.value;
    if (!ours.empty() && in.jwt_secret.value == ours)
      return wrong("jwt_secret",
                   "must differ from auth.jwt_secret, for whoever has that makes tokens of "
                   "anybody here");
    if (auto made = make_foreign_verifier(verifier_settings(in)); !made)
      return wrong(key_of(made.error().param), made.error().message);
    return {};
  }

  /// What signing in there wants.
  result<void> check_client(const settings::token_issuer& in) const {
    if (in.client_id.empty())
      return in.client_secret.value.empty() ? result<void>()
                                            : wrong("client_secret", "goes with client_id");
    if (in.kind == "supabase")
      return wrong("client_id", "nobody signs in at another Supabase; its tokens are taken");
    if (!in.token_use.empty() && std::ranges::find(in.token_use, "id") == in.token_use.end())
      return wrong("token_use", "must have id, for a sign-in ends with an id token");
    if (std::ranges::find(in.scopes, "openid") == in.scopes.end())
      return wrong("scopes", "must have openid (OpenID Connect Core 1.0, 3.1.2.1)");
    if (all_.values.mail.site_url.empty())
      return wrong("client_id", "needs mail.site_url, where a browser goes on after the sign-in");
    return {};
  }

  result<void> wrong(const std::string& field, const std::string& what) const {
    const auto key = "issuers." + name_ + '.' + field;
    const auto at = std::ranges::find(all_.settings, key, &setting_view::key);
    const auto origin = at == all_.settings.end() ? "default" : at->origin;
    return fail(errc::invalid_argument, key + " (" + origin + "): " + what, key);
  }

private:
  const loaded_config& all_;
  std::string name_;
};

} // namespace

bool has_public_keys(const settings::token_issuer& in) {
  if (in.algorithms.empty()) return in.jwt_secret.value.empty() || !in.jwks_url.empty();
  return std::ranges::any_of(in.algorithms, [](const auto& alg) { return alg != hs256; });
}

foreign_issuer_config verifier_settings(const settings::token_issuer& in) {
  foreign_issuer_config out;
  out.issuer = in.issuer;
  out.audiences = in.audience;
  if (!in.client_id.empty() && std::ranges::find(in.audience, in.client_id) == in.audience.end())
    out.audiences.push_back(in.client_id);
  if (in.kind == "supabase" && in.audience.empty()) out.audiences = {"authenticated"};
  out.token_uses = in.token_use;
  if (in.kind == "cognito" && in.token_use.empty()) out.token_uses = {"id", "access"};
  out.hs256_secret = in.jwt_secret;
  for (const auto& name : in.algorithms)
    if (const auto alg = jws_alg_named(name)) out.algorithms.push_back(*alg);
  // A project that never left its secret serves no keys: asking for them would only fail.
  if (!has_public_keys(in)) out.algorithms = {jws_alg::hs256};
  return out;
}

std::string keys_url(const settings::token_issuer& in) {
  if (!in.jwks_url.empty() || in.kind == "oidc") return in.jwks_url;
  auto base = in.issuer;
  while (base.ends_with('/')) base.pop_back();
  return base + "/.well-known/jwks.json";
}

result<void> check_issuers(const loaded_config& loaded) {
  std::map<std::string, std::string> seen;
  for (const auto& [name, issuer] : loaded.values.issuers) {
    const checker one(loaded, name);
    if (auto fits = one.check(issuer); !fits) return fits;
    const auto [at, is_new] = seen.try_emplace(issuer.issuer, name);
    if (!is_new) return one.wrong("issuer", "is the issuer of issuers." + at->second + " already");
  }
  return {};
}

} // namespace troupe
