#pragma once

#include "actors/ports/crypto_ports.hpp"

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

namespace troupe::test {

/// No cryptography: only that equal texts give equal digests, and tokens differ.
class plain_digests final : public digests {
public:
  std::string random_token(std::size_t) const override { return "t" + std::to_string(++made_); }
  std::string sha256_hex(std::string_view text) const override {
    char hex[33];
    const auto bits = std::hash<std::string_view>{}(text);
    std::snprintf(hex, sizeof hex, "%016zx%016zx", bits, bits);
    return hex;
  }
  std::string sha256_base64url(std::string_view text) const override {
    return std::string(text.rbegin(), text.rend());
  }

private:
  mutable int made_ = 0;
};

} // namespace troupe::test
