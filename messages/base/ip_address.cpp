#include "messages/base/ip_address.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <charconv>

namespace troupe {
namespace {

constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned mapped_bits = 96;
constexpr unsigned subscriber_bits = 64;

ip_address first_bits(const ip_address& address, unsigned bits) {
  ip_address out;
  const auto whole = bits / 8;
  std::copy_n(address.bytes.begin(), whole, out.bytes.begin());
  if (bits % 8 != 0)
    out.bytes[whole] = static_cast<std::uint8_t>(address.bytes[whole] & (0xff00u >> (bits % 8)));
  return out;
}

} // namespace

bool ip_address::is_v4() const noexcept {
  return std::equal(mapped.begin(), mapped.end(), bytes.begin());
}

std::optional<ip_address> parse_ip(std::string_view text) {
  char copy[INET6_ADDRSTRLEN] = {};
  if (text.empty() || text.size() >= sizeof copy || text.find('\0') != text.npos) return {};
  text.copy(copy, text.size());
  ip_address out;
  if (inet_pton(AF_INET6, copy, out.bytes.data()) == 1) return out;
  if (inet_pton(AF_INET, copy, out.bytes.data() + mapped.size()) != 1) return {};
  std::ranges::copy(mapped, out.bytes.begin());
  return out;
}

std::string to_string(const ip_address& address) {
  char text[INET6_ADDRSTRLEN] = {};
  const bool v4 = address.is_v4();
  const auto* from = address.bytes.data() + (v4 ? mapped.size() : 0);
  inet_ntop(v4 ? AF_INET : AF_INET6, from, text, sizeof text);
  return text;
}

bool ip_range::contains(const ip_address& address) const noexcept {
  return first_bits(address, bits) == first_bits(base, bits);
}

std::optional<ip_range> parse_ip_range(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = parse_ip(text.substr(0, slash));
  if (!base) return {};
  if (slash == text.npos) return ip_range{*base, 128};
  const bool dotted = text.substr(0, slash).find(':') == text.npos;
  const auto number = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), bits);
  if (code != std::errc{} || end != number.data() + number.size()) return {};
  if (bits > (dotted ? 32u : 128u)) return {};
  return ip_range{*base, bits + (dotted ? mapped_bits : 0)};
}

std::string limit_address(std::string_view text) {
  const auto address = parse_ip(text);
  if (!address) return std::string(text);
  if (address->is_v4()) return to_string(*address);
  return to_string(first_bits(*address, subscriber_bits)) + "/" + std::to_string(subscriber_bits);
}

} // namespace troupe
