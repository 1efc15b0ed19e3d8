#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

/// Keys that are bound to one algorithm when they are made: what a token's header says never
/// chooses how a key is used (RFC 8725, 3.1). Immutable, thread-safe.
namespace troupe::crypto {

class verify_key {
public:
  virtual ~verify_key() = default;
  [[nodiscard]] virtual bool holds(std::string_view signed_part,
                                   std::string_view signature) const = 0;
};

/// The members of a public JWK that RFC 7638 hashes, in its order; empty for a symmetric key.
using jwk_members = std::map<std::string, std::string>;

class sign_key : public verify_key {
public:
  /// Raw bytes of the signature as JWS has it.
  [[nodiscard]] virtual std::string sign(std::string_view signed_part) const = 0;
  /// The key's name in headers and in the key set; empty for a symmetric key, which has none.
  [[nodiscard]] virtual std::string kid() const = 0;
  [[nodiscard]] virtual jwk_members public_members() const = 0;
};

} // namespace troupe::crypto
