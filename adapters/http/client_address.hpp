#pragma once

#include "messages/base/ip_address.hpp"

#include <span>
#include <string_view>

/// Who asks, when proxies stand between. Pure; allocates nothing.
namespace troupe::http {

/// Of the list that proxies made, only so many entries are looked at, from the right.
inline constexpr std::size_t proxies_max = 32;

[[nodiscard]] bool is_trusted(const ip_address& address,
                              std::span<const ip_range> trusted) noexcept;

/// The client's address. `peer` is who holds the connection; when it is one of the trusted, the
/// rightmost entry that is none of them counts (or the leftmost, when all are trusted): of
/// `x_forwarded_for`, the values of X-Forwarded-For in their order, or when there are none of
/// `forwarded`, the values of Forwarded (RFC 7239). Proxies append, so that what stands left of
/// that entry is the client's own invention and is not read. An entry on the way that is no address
/// (`unknown`, `_hidden`, garbage), or a longer way than proxies_max, makes it the peer.
[[nodiscard]] ip_address client_address(const ip_address& peer, std::span<const ip_range> trusted,
                                        std::span<const std::string_view> x_forwarded_for,
                                        std::span<const std::string_view> forwarded);

} // namespace troupe::http
