// Goal: issuers are configured by name, in the file and by variables, and each mistake is said with
// its place. Method: load_config() and check_issuers() with made-up sources in a scratch folder.
#include "runtime/issuer_settings.hpp"
#include "messages/base/limits.hpp"
#include "runtime/config_loader.hpp"
#include "tests/unit/runtime/scratch_folder.hpp"

#include <gtest/gtest.h>
#include <algorithm>

namespace troupe {
namespace {

const std::string jwt_secret(40, 's');

struct issuer_settings_test : ::testing::Test {
  test::scratch_folder folder;
  config_sources from;

  issuer_settings_test() { from.folder = folder.path(); }

  /// The sentence of the mistake, from the file's name on.
  std::string mistake(const std::string& text) {
    folder.write("troupe.toml", text);
    const auto loaded = load_config(from);
    const auto checked =
        loaded ? check_servable(*loaded) : result<void>(std::unexpected(loaded.error()));
    if (checked) return "no mistake";
    EXPECT_EQ(checked.error().code, errc::invalid_argument);
    auto message = checked.error().message;
    const auto prefix = folder.path().string() + "/";
    for (auto at = message.find(prefix); at != message.npos; at = message.find(prefix))
      message.erase(at, prefix.size());
    return message;
  }

  settings::token_issuer load(const std::string& text, const std::string& name) {
    folder.write("troupe.toml", text);
    const auto loaded = load_config(from);
    if (!loaded || !loaded->values.issuers.contains(name)) {
      ADD_FAILURE() << (loaded ? "no such issuer" : loaded.error().message);
      return {};
    }
    return loaded->values.issuers.at(name);
  }
};

TEST_F(issuer_settings_test, an_issuer_is_a_table_with_a_name) {
  const auto got = load(
      "[issuers.acme-1]\nissuer = \"https://id.example\"\n"
      "audience = [\"web\", \"app\"]\ncreate_accounts = false\n"
      "role = \"viewer\"\n[issuers.other]\nkind = \"supabase\"\n",
      "acme-1");
  EXPECT_EQ(got.kind, "oidc");
  EXPECT_EQ(got.issuer, "https://id.example");
  EXPECT_EQ(got.audience, (std::vector<std::string>{"web", "app"}));
  EXPECT_FALSE(got.create_accounts);
  EXPECT_EQ(got.role, "viewer");
  EXPECT_FALSE(got.link_by_email);
}

TEST_F(issuer_settings_test, variables_name_the_issuer_and_win_over_the_file) {
  from.variables = {{"TROUPE_ISSUERS_ACME_JWKS_URL", "https://id.example/keys"},
                    {"TROUPE_ISSUERS_ACME_AUDIENCE", "web, app"},
                    {"TROUPE_ISSUERS_ACME_LINK_BY_EMAIL", "true"},
                    {"TROUPE_ISSUERS_THE_POOL_KIND", "cognito"}};
  const std::string file =
      "[issuers.acme]\njwks_url = \"https://old.example\"\nrole = \"viewer\"\n";
  const auto acme = load(file, "acme");
  EXPECT_EQ(acme.jwks_url, "https://id.example/keys");
  EXPECT_EQ(acme.audience, (std::vector<std::string>{"web", "app"}));
  EXPECT_TRUE(acme.link_by_email);
  EXPECT_EQ(acme.role, "viewer");
  EXPECT_EQ(load(file, "the_pool").kind, "cognito");
}

TEST_F(issuer_settings_test, secrets_are_masked) {
  folder.write("troupe.toml", "[issuers.acme]\njwt_secret = \"" + jwt_secret + "\"\n");
  const auto loaded = load_config(from);
  ASSERT_TRUE(loaded);
  const auto at =
      std::ranges::find(loaded->settings, "issuers.acme.jwt_secret", &setting_view::key);
  ASSERT_NE(at, loaded->settings.end());
  EXPECT_EQ(at->value, "[secret]");
}

TEST_F(issuer_settings_test, a_wrong_key_or_value_is_said_with_its_line) {
  EXPECT_EQ(mistake("[issuers.a]\nisuer = \"x\"\n"),
            "troupe.toml:2: there is no setting issuers.a.isuer (did you mean issuers.a.issuer?)");
  EXPECT_EQ(mistake("[issuers.a]\nkind = \"saml\"\n"),
            "troupe.toml:2: issuers.a.kind wants one of oidc, cognito, supabase, not \"saml\"");
  EXPECT_EQ(mistake("[issuers.a]\nlink_by_email = \"yes\"\n"),
            "troupe.toml:2: issuers.a.link_by_email wants true or false, not \"yes\"");
  EXPECT_EQ(mistake("[issuers.a]\nrole = \"admin\"\n"),
            "troupe.toml:2: issuers.a.role wants one of user, viewer, not \"admin\"");
  EXPECT_EQ(mistake("[issuers.a]\nalgorithms = [\"none\"]\n"),
            "troupe.toml:2: issuers.a.algorithms wants one of EdDSA, ES256, ES384, RS256, RS384, "
            "RS512, PS256, HS256, not \"none\"");
  for (const std::string name : {"A", "email", "phone", "\"a.b\"", "\"\""})
    EXPECT_TRUE(mistake("[issuers." + name + "]\nkind = \"oidc\"\n").starts_with("troupe.toml:2: "))
        << name;
  EXPECT_TRUE(mistake("issuers = \"https://id.example\"\n").starts_with("troupe.toml:1: "));
}

TEST_F(issuer_settings_test, more_issuers_than_the_bound_are_refused) {
  std::string text;
  for (std::size_t i = 0; i <= limits::issuers; ++i)
    text += "[issuers.i" + std::to_string(i) + "]\nissuer = \"https://" + std::to_string(i) +
            ".example\"\naudience = [\"a\"]\n";
  EXPECT_NE(mistake(text).find("there are at most 16 issuers"), std::string::npos);
}

TEST_F(issuer_settings_test, what_does_not_go_together_is_refused_with_the_key) {
  const std::string head = "[issuers.a]\nissuer = \"https://id.example\"\n";
  EXPECT_EQ(mistake(head + "audience = [\"web\"]\n"), "no mistake");
  EXPECT_EQ(mistake("[issuers.a]\naudience = [\"web\"]\n"),
            "issuers.a.issuer (default): is wanted");
  EXPECT_EQ(mistake(head),
            "issuers.a.audience (default): is wanted, for a token that the issuer gave another "
            "program must not be taken");
  EXPECT_EQ(mistake(head + "audience = [\"web\"]\ntoken_use = [\"id\"]\n"),
            "issuers.a.token_use (troupe.toml:4): only kind = \"cognito\" has it");
  EXPECT_EQ(mistake(head + "audience = [\"web\"]\njwt_secret = \"short\"\n")
                .find("issuers.a.jwt_secret (troupe.toml:4): "),
            0u);
  EXPECT_EQ(mistake(head + "audience = [\"web\"]\nalgorithms = [\"HS256\"]\n")
                .find("issuers.a.algorithms (troupe.toml:4): "),
            0u);
  EXPECT_EQ(mistake(head + "audience = [\"web\"]\n[issuers.b]\nissuer = \"https://id.example\"\n"
                           "audience = [\"app\"]\n"),
            "issuers.b.issuer (troupe.toml:5): is the issuer of issuers.a already");
}

TEST_F(issuer_settings_test, signing_in_there_wants_a_client_a_site_and_openid) {
  const std::string site = "[mail]\nsite_url = \"https://app.example\"\n";
  const std::string head = "[issuers.a]\nissuer = \"https://id.example\"\n";
  EXPECT_EQ(mistake(site + head + "client_id = \"web\"\n"), "no mistake");
  EXPECT_EQ(mistake(head + "client_id = \"web\"\n"),
            "issuers.a.client_id (troupe.toml:3): needs mail.site_url, where a browser goes on "
            "after the sign-in");
  EXPECT_EQ(mistake(site + head + "audience = [\"x\"]\nclient_secret = \"s\"\n"),
            "issuers.a.client_secret (troupe.toml:6): goes with client_id");
  EXPECT_EQ(
      mistake(site + head + "client_id = \"web\"\nscopes = [\"email\"]\n"),
      "issuers.a.scopes (troupe.toml:6): must have openid (OpenID Connect Core 1.0, 3.1.2.1)");
  EXPECT_EQ(mistake(site + head + "kind = \"supabase\"\nclient_id = \"web\"\n"),
            "issuers.a.client_id (troupe.toml:6): nobody signs in at another Supabase; its tokens "
            "are taken");
  EXPECT_EQ(
      mistake(site + head + "kind = \"cognito\"\ntoken_use = [\"access\"]\nclient_id = \"web\"\n"),
      "issuers.a.token_use (troupe.toml:6): must have id, for a sign-in ends with an id "
      "token");
  settings::token_issuer in;
  in.issuer = "https://id.example";
  in.client_id = "web";
  EXPECT_EQ(verifier_settings(in).audiences, (std::vector<std::string>{"web"}));
  in.audience = {"app", "web"};
  EXPECT_EQ(verifier_settings(in).audiences, (std::vector<std::string>{"app", "web"}));
}

TEST_F(issuer_settings_test, the_secret_of_our_own_tokens_is_not_an_issuers) {
  EXPECT_EQ(mistake("[auth]\njwt_secret = \"" + jwt_secret +
                    "\"\n[issuers.a]\nkind = \"supabase\"\nissuer = \"https://id.example\"\n"
                    "jwt_secret = \"" +
                    jwt_secret + "\"\n"),
            "issuers.a.jwt_secret (troupe.toml:6): must differ from auth.jwt_secret, for whoever "
            "has that makes tokens of anybody here");
}

TEST_F(issuer_settings_test, the_kind_decides_where_keys_are_and_for_whom_tokens_are) {
  settings::token_issuer in;
  in.issuer = "https://id.example/";
  EXPECT_EQ(keys_url(in), "");
  in.kind = "cognito";
  EXPECT_EQ(keys_url(in), "https://id.example/.well-known/jwks.json");
  EXPECT_EQ(verifier_settings(in).token_uses, (std::vector<std::string>{"id", "access"}));
  in.kind = "supabase";
  EXPECT_EQ(verifier_settings(in).audiences, std::vector<std::string>{"authenticated"});
  EXPECT_TRUE(has_public_keys(in));
  in.jwt_secret.value = jwt_secret;
  EXPECT_FALSE(has_public_keys(in));
  EXPECT_EQ(verifier_settings(in).algorithms, std::vector<jws_alg>{jws_alg::hs256});
  in.jwks_url = "https://keys.example";
  EXPECT_EQ(keys_url(in), "https://keys.example");
  EXPECT_TRUE(has_public_keys(in));
  EXPECT_TRUE(verifier_settings(in).algorithms.empty());
}

} // namespace
} // namespace troupe
