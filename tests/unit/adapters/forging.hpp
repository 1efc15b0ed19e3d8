#pragma once

#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/jws_key.hpp"

#include <string>
#include <string_view>

namespace troupe::test {

/// A token over any header and payload with a signature that holds, so that only the form is wrong.
inline std::string forge(const crypto::sign_key& key, std::string_view header,
                         std::string_view payload) {
  const auto part = crypto::to_base64url(header) + '.' + crypto::to_base64url(payload);
  return part + '.' + crypto::to_base64url(key.sign(part));
}

} // namespace troupe::test
