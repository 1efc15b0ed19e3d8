// What it costs to know who calls: a caller that the router remembers, and the check of an access
// token with each algorithm, ours and another issuer's. Targets: remembered 2 µs, HS256 10 µs,
// EdDSA 150 µs.
#include "actors/routing/caller_cache.hpp"
#include "adapters/crypto/crypto.hpp"
#include "adapters/crypto/foreign_issuer.hpp"

#include <benchmark/benchmark.h>

namespace {

using namespace troupe;

constexpr std::int64_t now = 1'800'000'000;

std::unique_ptr<token_signer> signer_of(jws_alg alg) {
  return make_token_signer({.alg = alg, .keys = {{.text = {make_signing_key(alg)}}}}).value();
}

token_claims sample_claims() {
  return {.sub = "0192f3a4-b5c6-7890-abcd-ef0123456789",
          .sid = "0192f3a4-b5c6-7890-abcd-ef9876543210",
          .iat = now,
          .exp = now + 900,
          .iss = "https://troupe.example",
          .aud = "authenticated"};
}

/// Among as many others as the cache holds.
void find_remembered(benchmark::State& state) {
  const auto signer = signer_of(jws_alg::eddsa);
  const auto at = caller_cache::clock::time_point{};
  caller_cache cache;
  auto claims = sample_claims();
  std::string token;
  for (std::size_t n = 0; n < limits::auth_cache_entries; ++n) {
    claims.sid = std::to_string(n);
    token = signer->sign(claims);
    caller who;
    who.user = claims.sub;
    cache.keep(token, who, at, limits::auth_cache_ttl);
  }
  for (auto _ : state) benchmark::DoNotOptimize(cache.find(token, at));
}
BENCHMARK(find_remembered);

void verify(benchmark::State& state, jws_alg alg) {
  const auto signer = signer_of(alg);
  const auto token = signer->sign(sample_claims());
  if (!signer->verify(token, now)) std::abort();
  for (auto _ : state) benchmark::DoNotOptimize(signer->verify(token, now));
  state.SetLabel(std::to_string(token.size()) + " bytes");
}
BENCHMARK_CAPTURE(verify, hs256, jws_alg::hs256);
BENCHMARK_CAPTURE(verify, eddsa, jws_alg::eddsa);
BENCHMARK_CAPTURE(verify, es256, jws_alg::es256);
BENCHMARK_CAPTURE(verify, rs256, jws_alg::rs256);

void verify_foreign(benchmark::State& state, jws_alg alg) {
  const auto signer = signer_of(alg);
  const auto token = signer->sign(sample_claims());
  const auto verifier = make_foreign_verifier({.issuer = "https://troupe.example",
                                               .audiences = {"authenticated"},
                                               .jwks = signer->jwks(now).raw})
                            .value();
  if (!verifier->verify(token, now)) std::abort();
  for (auto _ : state) benchmark::DoNotOptimize(verifier->verify(token, now));
}
BENCHMARK_CAPTURE(verify_foreign, eddsa, jws_alg::eddsa);
BENCHMARK_CAPTURE(verify_foreign, es256, jws_alg::es256);
BENCHMARK_CAPTURE(verify_foreign, rs256, jws_alg::rs256);

void sign(benchmark::State& state, jws_alg alg) {
  const auto signer = signer_of(alg);
  const auto claims = sample_claims();
  for (auto _ : state) benchmark::DoNotOptimize(signer->sign(claims));
}
BENCHMARK_CAPTURE(sign, eddsa, jws_alg::eddsa);
BENCHMARK_CAPTURE(sign, es256, jws_alg::es256);
BENCHMARK_CAPTURE(sign, rs256, jws_alg::rs256);

} // namespace
