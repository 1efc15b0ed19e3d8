#include "actors/auth/oidc_rules.hpp"

#include "messages/codec/chat_json.hpp"
#include "messages/codec/json_text.hpp"
#include "messages/sign_in.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

namespace troupe::oidc_rules {
namespace {

using chat_json::string_field;
using redirect_rules::encoded;
using sign_in_rules::refusal;

std::unexpected<error> failed(const char* what, std::string_view why) {
  return fail(errc::upstream_failed, std::string(what) + ' ' + std::string(why));
}

/// An endpoint of a discovery document; empty when it has none that is good.
std::string endpoint_of(const json_text& metadata, std::string_view name, std::string_view issuer) {
  auto url = string_field(metadata, name).value_or("");
  return issuer_rules::is_endpoint(url, issuer) ? url : std::string();
}

bool is_among(const std::vector<std::string>& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}

/// The settings' scopes and those asked for, each once.
std::string scopes_of(const oidc_client& client, std::string_view more) {
  auto all = client.scopes;
  for (const auto part : std::views::split(more, ' '))
    if (const std::string_view scope(part); !scope.empty() && !is_among(all, scope))
      all.emplace_back(scope);
  std::string out;
  for (const auto& scope : all) out += (out.empty() ? "" : " ") + scope;
  return out;
}

/// By the header, as Cognito and Keycloak say it, or by a scope, which no id token has.
bool is_access_token(const foreign_claims& claims) {
  const auto& payload = claims.payload;
  const auto has = [&](const char* name) {
    return chat_json::kind_of_field(payload, name) != json_kind::absent;
  };
  return claims.is_access_token || string_field(payload, "token_use") == "access" ||
         string_field(payload, "typ") == "Bearer" || has("scope") || has("scp");
}

} // namespace

result<provider_metadata> metadata_of(const fetch_reply& discovery, std::string_view issuer) {
  constexpr const char* what = "the provider's discovery document";
  if (discovery.status >= 500) return fail(errc::unavailable, "the provider cannot be reached");
  if (discovery.status != 200) return failed(what, "is not there");
  const json_text metadata{discovery.body};
  if (string_field(metadata, "issuer") != issuer) return failed(what, "is of another issuer");
  provider_metadata out;
  out.authorization_endpoint = endpoint_of(metadata, "authorization_endpoint", issuer);
  out.token_endpoint = endpoint_of(metadata, "token_endpoint", issuer);
  out.userinfo_endpoint = endpoint_of(metadata, "userinfo_endpoint", issuer);
  if (out.authorization_endpoint.empty() || out.token_endpoint.empty())
    return failed(what, "names no endpoints for signing in");
  // Without a list it is client_secret_basic (Discovery, 3).
  const auto ways = chat_json::strings_field(metadata, "token_endpoint_auth_methods_supported");
  out.wants_secret_in_form =
      !is_among(ways, "client_secret_basic") && is_among(ways, "client_secret_post");
  out.tells_issuer =
      chat_json::is_true_field(metadata, "authorization_response_iss_parameter_supported");
  return out;
}

pending_sign_in begin(std::string provider, sign_in_rules::flow on, const digests& digest) {
  return {std::move(provider), std::move(on), digest.random_token(32), digest.random_token(32),
          digest.random_token(32)};
}

one_time_row row_of(const pending_sign_in& in, const digests& digest, std::int64_t now) {
  one_time_row row;
  row.hash = digest.sha256_hex(in.state);
  row.kind = state_kind;
  row.extra = chat_json::object_builder()
                  .add("provider", in.provider)
                  .add("redirect_to", in.on.redirect_to)
                  .add("challenge", in.on.pkce.value)
                  .add("challenge_method", in.on.pkce.method)
                  .add("nonce", in.nonce)
                  .add("verifier", in.verifier)
                  .build();
  row.created_at = now;
  row.expires_at = now + limits::provider_sign_in_ttl.count();
  return row;
}

pending_sign_in pending_of(const one_time_row& row) {
  const auto text = [&](std::string_view name) {
    return string_field(row.extra, name).value_or("");
  };
  return {text("provider"),
          {text("redirect_to"), pkce_flow::challenge_of(row)},
          {},
          text("nonce"),
          text("verifier")};
}

std::string authorization_url(const provider_metadata& at, const oidc_client& client,
                              const std::string& redirect_uri, const pending_sign_in& in,
                              std::string_view more_scopes, const std::vector<std::string>& hints,
                              const digests& digest) {
  redirect_rules::parameters query{{"response_type", "code"},
                                   {"client_id", client.id},
                                   {"redirect_uri", redirect_uri},
                                   {"scope", scopes_of(client, more_scopes)},
                                   {"state", in.state},
                                   {"nonce", in.nonce},
                                   {"code_challenge", digest.sha256_base64url(in.verifier)},
                                   {"code_challenge_method", "S256"}};
  for (const std::string_view hint : hints) {
    const auto equals = hint.find('=');
    const auto name = hint.substr(0, equals);
    const bool is_there = // no parameter may come twice (RFC 6749, 3.1)
        std::ranges::find(query, name, &redirect_rules::parameters::value_type::first) !=
        query.end();
    if (equals == hint.npos || is_there || !is_provider_hint(name)) continue;
    query.emplace_back(name, hint.substr(equals + 1));
  }
  return redirect_rules::with_query(at.authorization_endpoint, query);
}

fetch_request token_request(const provider_metadata& at, const oidc_client& client,
                            const std::string& redirect_uri, const std::string& code,
                            const std::string& verifier) {
  auto out = issuer_rules::json_request(at.token_endpoint);
  out.method = fetch_method::post;
  out.form = {{"grant_type", "authorization_code"},
              {"code", code},
              {"redirect_uri", redirect_uri},
              {"code_verifier", verifier}};
  const bool in_header = !client.secret.value.empty() && !at.wants_secret_in_form;
  if (in_header) { // RFC 6749, 2.3.1: both are encoded before
    out.user = encoded(client.id);
    out.password.value = encoded(client.secret.value);
    return out;
  }
  out.form.emplace_back("client_id", client.id);
  if (!client.secret.value.empty()) out.form.emplace_back("client_secret", client.secret.value);
  return out;
}

result<provider_tokens> tokens_of(const fetch_reply& answer) {
  constexpr const char* what = "the provider's token endpoint";
  const json_text body{answer.body};
  if (const auto code = string_field(body, "error"); code && answer.status >= 400)
    // A code that is spent or made up is the browser's fault; all else is between the servers.
    return *code == "invalid_grant"
               ? std::unexpected(refused_by_provider(
                     *code, string_field(body, "error_description").value_or("")))
               : failed(what, "refused: " + std::string(first_of(*code, 64)));
  if (answer.status != 200) return failed(what, "answered " + std::to_string(answer.status));
  auto id_token = string_field(body, "id_token").value_or("");
  if (id_token.empty() || id_token.size() > limits::token_bytes)
    return failed(what, "gave no id token");
  return provider_tokens{std::move(id_token), string_field(body, "access_token").value_or("")};
}

result<void> check_id_token(const foreign_claims& claims, std::string_view client_id,
                            std::string_view nonce) {
  const auto wrong = [](const char* why) {
    return std::unexpected(refusal(errc::forbidden, "bad_jwt", why));
  };
  if (!is_among(chat_json::strings_field(claims.payload, "aud"), client_id))
    return wrong("the provider's id token is for another client");
  const auto party = string_field(claims.payload, "azp");
  if (party && *party != client_id) return wrong("the provider's id token is for another party");
  if (string_field(claims.payload, "nonce") != nonce)
    return wrong("the provider's id token is of another sign-in");
  return {};
}

result<void> check_brought_token(const foreign_claims& claims,
                                 const std::vector<std::string>& audiences,
                                 const std::string& nonce, const digests& digest) {
  const auto wrong = [](const char* why) {
    return std::unexpected(refusal(errc::unauthenticated, "bad_jwt", why));
  };
  if (is_access_token(claims)) return wrong("an id token is wanted, not an access token");
  const auto party = string_field(claims.payload, "azp");
  if (party && !is_among(audiences, *party)) return wrong("the id token is for another party");
  const auto wanted = string_field(claims.payload, "nonce").value_or("");
  if (wanted.empty() != nonce.empty())
    return wrong("a nonce must be in the id token and beside it, or in neither");
  if (!nonce.empty() && wanted != digest.sha256_hex(nonce)) return wrong("Nonces mismatch");
  return {};
}

fetch_request userinfo_request(const provider_metadata& at, const std::string& access_token) {
  auto out = issuer_rules::json_request(at.userinfo_endpoint);
  out.headers.emplace_back("Authorization", "Bearer " + access_token);
  out.answer_bytes_max = 2 * limits::token_bytes;
  return out;
}

result<foreign_claims> with_userinfo(foreign_claims claims, const fetch_reply& answer) {
  constexpr const char* what = "the provider's userinfo endpoint";
  if (answer.status != 200) return failed(what, "answered " + std::to_string(answer.status));
  const json_text body{answer.body};
  if (!check_json(body.raw)) return failed(what, "gave no JSON");
  if (string_field(body, "sub") != claims.sub) return failed(what, "tells of another subject");
  claims.email = string_field(body, "email").value_or("");
  claims.email_verified = chat_json::is_true_field(body, "email_verified");
  if (claims.name.empty()) claims.name = string_field(body, "name").value_or("");
  if (auto merged = chat_json::merge_patch(claims.payload, body))
    claims.payload = std::move(*merged);
  return claims;
}

error unsupported_provider(std::string_view name) {
  return refusal(errc::invalid_argument, "validation_failed",
                 "Unsupported provider: " + std::string(name) + " is not enabled (issuers." +
                     std::string(name) + ".client_id)");
}

error no_id_tokens(std::string_view name) {
  return refusal(errc::invalid_argument, "validation_failed",
                 "Unsupported provider: issuers." + std::string(name) +
                     " is not there, or gives no id tokens");
}

std::string_view first_of(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  while (bytes > 0 && continues(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

error bad_state() {
  return refusal(errc::invalid_argument, "bad_oauth_state",
                 "this sign-in is not known, was used before, or took too long");
}

error refused_by_provider(std::string_view code, std::string_view description) {
  return refusal(
      errc::forbidden, "provider_refused",
      std::string(description.empty() ? first_of(code, 64) : first_of(description, 256)));
}

error admin_not_allowed() {
  return refusal(errc::forbidden, "admin_not_allowed",
                 "an admin signs in here with a password or a key, not through another provider");
}

} // namespace troupe::oidc_rules
