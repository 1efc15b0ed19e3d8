// Goal: no answer of a provider crashes the sign-in, and what is taken from one is what it may be:
// endpoints that are clean URLs, claims that are JSON. Method: the input as each of its documents.
#include "actors/auth/oidc_rules.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/json_text.hpp"
#include "tests/fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const fetch_reply answer{.status = 200, .content_type = {}, .cache_control = text, .body = text};
  const std::string issuer = "https://id.example";
  if (const auto at = oidc_rules::metadata_of(answer, issuer))
    for (const auto& url : {at->authorization_endpoint, at->token_endpoint, at->userinfo_endpoint})
      require(url.empty() || issuer_rules::is_endpoint(url, issuer));
  if (const auto tokens = oidc_rules::tokens_of(answer))
    require(!tokens->id_token.empty() && tokens->id_token.size() <= limits::token_bytes);
  foreign_claims claims{
      .sub = "ada", .iss = issuer, .email = {}, .name = {}, .exp = 0, .payload = {"{}"}};
  if (const auto whole = oidc_rules::with_userinfo(claims, answer)) {
    require(whole->sub == "ada");
    require(check_json(whole->payload.raw).has_value());
  }
  claims.payload.raw = text;
  (void)oidc_rules::check_id_token(claims, "web", "n");
  (void)issuer_rules::keys_age(text);
  return 0;
}
