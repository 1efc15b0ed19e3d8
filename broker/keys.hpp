#pragma once

#include "messages/base/values.hpp"

#include <cstddef>
#include <string>
#include <string_view>

/// The keys of encrypted links: Curve25519 in Z85, as libzmq writes them.
namespace troupe {

inline constexpr std::size_t link_key_characters = 40;

struct key_pair {
  std::string public_key;
  secret secret_key;
};

[[nodiscard]] key_pair make_key_pair();

/// Whether the text has the form of a key, public or secret.
[[nodiscard]] bool is_link_key(std::string_view text) noexcept;

/// The public key of a secret one, for which is_link_key() holds.
[[nodiscard]] std::string public_key_of(const secret& secret_key);

} // namespace troupe
