#include "adapters/crypto/jws_alg.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace troupe {
namespace {

constexpr std::array<std::string_view, 8> names{"EdDSA", "HS256", "ES256", "ES384",
                                                "RS256", "RS384", "RS512", "PS256"};
static_assert(names.size() == std::to_underlying(jws_alg::ps256) + 1u);

} // namespace

std::string_view name_of(jws_alg alg) noexcept {
  return names[std::to_underlying(alg)];
}

std::optional<jws_alg> jws_alg_named(std::string_view name) noexcept {
  const auto* found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<jws_alg>(found - names.begin());
}

} // namespace troupe
