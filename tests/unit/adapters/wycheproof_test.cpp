// Goal: the signatures and key sets that Project Wycheproof (github.com/C2SP/wycheproof) knows as
// attacks are refused, and its good ones accepted.
// Method: json_web_signature_test.json and json_web_key_test.json of its testvectors_v1, where they
// are: in the folder TROUPE_WYCHEPROOF, else in ../shared/data/wycheproof beside the sources. Their
// payloads are no claims, so what is tried is foreign_keys, below foreign_verifier.
#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/foreign_keys.hpp"

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

namespace troupe {
namespace {

namespace json = boost::json;

std::filesystem::path folder() {
  if (const char* named = std::getenv("TROUPE_WYCHEPROOF")) return named;
  return std::filesystem::path(TROUPE_SOURCE_DIR) / "../shared/data/wycheproof";
}

json::array groups_of(const std::string& name) {
  std::ifstream file(folder() / name);
  std::stringstream text;
  text << file.rdbuf();
  return json::parse(text.str()).at("testGroups").as_array();
}

/// The keys of a group: a set, or one key alone.
json::array keys_of(const json::object& group) {
  const auto& given = group.contains("public") ? group.at("public") : group.at("private");
  if (const auto* set = given.as_object().if_contains("keys")) return set->as_array();
  return {given};
}

/// Configured as an operator would who knows this issuer: one secret, or a set of public keys.
/// Errors: as make().
result<crypto::foreign_keys> configured(const json::array& keys) {
  foreign_issuer_config config;
  if (keys.size() == 1 && keys[0].at("kty") == "oct" && keys[0].at("alg") == "HS256")
    config.hs256_secret = {
        crypto::from_base64url(std::string_view(keys[0].at("k").as_string())).value()};
  else
    config.jwks = json::serialize(json::object{{"keys", keys}});
  return crypto::foreign_keys::make(config);
}

bool accepts(const json::array& keys, std::string_view jws) {
  const auto made = configured(keys);
  const auto parts = crypto::split_jws(jws);
  const auto header = parts ? crypto::read_header(parts->header) : std::nullopt;
  return made && header && crypto::from_base64url(parts->payload) && made->check(*header, *parts);
}

/// Why a good vector is refused all the same; empty: there is no reason.
std::string_view why_refused(const json::array& keys, std::string_view jws,
                             std::string_view comment) {
  const auto alg = std::string_view(keys[0].at("alg").as_string());
  if (!jws_alg_named(alg)) return "an algorithm that we do not know";
  if (keys.size() > 1 && keys[0].at("kty") == "oct") return "a set of secrets";
  if (comment.starts_with("InvalidCharacterInserted")) return "a character beside base64url";
  if (jws.contains("..")) return "no payload";
  const auto parts = crypto::split_jws(jws);
  const auto header = parts ? crypto::from_base64url(parts->header) : std::nullopt;
  if (header && json::parse(*header).at("alg").as_string() != alg) return "not the key's algorithm";
  return {};
}

/// Why an attack is accepted all the same; empty: there is no reason.
std::string_view why_accepted(const std::set<std::string>& good, std::string_view jws,
                              std::string_view comment) {
  if (comment == "rejectsKeyWithRocaVulnerability") return "weak primes are not looked for";
  // Two vectors about padding have lost it.
  if (good.contains(std::string(jws))) return "the same text is a good vector";
  return {};
}

struct vector {
  int id = 0;
  std::string comment;
  json::array keys;
  std::string jws;
  bool valid = false;
};

std::vector<vector> read(const std::string& name) {
  std::vector<vector> all;
  for (const auto& group : groups_of(name))
    for (const auto& test : group.at("tests").as_array())
      all.push_back({.id = static_cast<int>(test.at("tcId").as_int64()),
                     .comment = std::string(test.at("comment").as_string()),
                     .keys = keys_of(group.as_object()),
                     .jws = std::string(test.at("jws").as_string()),
                     .valid = test.at("result") == "valid"});
  return all;
}

void run(const std::string& name) {
  if (!std::filesystem::exists(folder() / name))
    GTEST_SKIP() << "no Wycheproof vectors in " << folder()
                 << "; TROUPE_WYCHEPROOF names another folder";
  const auto vectors = read(name);
  std::set<std::string> good;
  for (const auto& each : vectors)
    if (each.valid) good.insert(each.jws);
  std::size_t excused = 0;
  for (const auto& [id, comment, keys, jws, valid] : vectors) {
    const bool accepted = accepts(keys, jws);
    if (accepted == valid) continue;
    const auto why = valid ? why_refused(keys, jws, comment) : why_accepted(good, jws, comment);
    EXPECT_FALSE(why.empty()) << id << ' ' << comment;
    std::cout << (accepted ? "accepted: " : "refused: ") << id << ' ' << comment << ", " << why
              << '\n';
    ++excused;
  }
  EXPECT_GT(vectors.size(), 20u);
  std::cout << name << ": " << vectors.size() - excused << " of " << vectors.size()
            << " as Wycheproof has it\n";
}

TEST(wycheproof, signatures_are_judged_as_the_vectors_say) {
  run("json_web_signature_test.json");
}

TEST(wycheproof, key_sets_are_judged_as_the_vectors_say) {
  run("json_web_key_test.json");
}

} // namespace
} // namespace troupe
