#pragma once

#include "adapters/crypto/foreign_issuer.hpp"

#include <cstdint>
#include <string>

namespace troupe::crypto {

/// The claims in the JSON of a payload whose signature is somebody else's to check, judged by what
/// `expected` says of the issuer. Pure. Errors: `unauthenticated`.
[[nodiscard]] result<foreign_claims> judge_claims(std::string payload,
                                                  const foreign_issuer_config& expected,
                                                  std::int64_t now);

} // namespace troupe::crypto
