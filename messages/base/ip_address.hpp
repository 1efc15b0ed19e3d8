#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// IP addresses and ranges of them: who asks, which proxies are trusted, whom a limit counts. Pure.
namespace troupe {

/// An IPv6 address, or an IPv4 one as IPv6 maps it (::ffff:0:0/96, RFC 4291 section 2.5.5.2): the
/// two ways to write an IPv4 address are one value.
struct ip_address {
  std::array<std::uint8_t, 16> bytes{}; ///< network order

  [[nodiscard]] bool is_v4() const noexcept;
  bool operator==(const ip_address&) const = default;
};

/// `203.0.113.7`, `2001:db8::1` or `::ffff:203.0.113.7`; without brackets, port and zone.
[[nodiscard]] std::optional<ip_address> parse_ip(std::string_view text);

/// The one text of an address: IPv4 with dots, IPv6 as RFC 5952 has it, at most 45 bytes.
[[nodiscard]] std::string to_string(const ip_address& address);

/// All addresses with the same first bits.
struct ip_range {
  ip_address base;
  unsigned bits = 128; ///< 0 to 128; an IPv4 range of n bits has 96 + n

  [[nodiscard]] bool contains(const ip_address& address) const noexcept;
};

/// `10.0.0.0/8`, `2001:db8::/32`, or an address alone.
[[nodiscard]] std::optional<ip_range> parse_ip_range(std::string_view text);

/// Whom a limit by address counts: an IPv4 address alone, an IPv6 address with its /64, which one
/// subscriber has whole: `2001:db8:0:1::/64`. A text that is no address stays as it is.
[[nodiscard]] std::string limit_address(std::string_view text);

} // namespace troupe
