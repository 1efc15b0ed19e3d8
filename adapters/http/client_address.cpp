#include "adapters/http/client_address.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace troupe::http {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_port(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// `1.2.3.4`, `1.2.3.4:567`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:567`.
std::optional<ip_address> parse_node(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return {};
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && !(rest.front() == ':' && is_port(rest.substr(1)))) return {};
    const auto inner = text.substr(1, end - 1);
    return inner.find(':') == inner.npos ? std::nullopt : parse_ip(inner);
  }
  const auto colon = text.find(':');
  if (colon != text.npos && is_port(text.substr(colon + 1))) text = text.substr(0, colon);
  return parse_ip(text);
}

/// The last parts of a list, in their order.
struct parts {
  std::array<std::string_view, proxies_max + 1> ring;
  std::size_t count = 0;   ///< of all parts
  bool well_formed = true; ///< every quote was closed

  void add(std::string_view part) noexcept { ring[count++ % ring.size()] = trimmed(part); }
  [[nodiscard]] std::size_t kept() const noexcept { return std::min(count, ring.size()); }
  /// 0 is the last.
  [[nodiscard]] std::string_view from_right(std::size_t i) const noexcept {
    return ring[(count - 1 - i) % ring.size()];
  }
};

/// Separators inside quotes do not count. RFC 9110's quoted strings have escapes, so they can only
/// be read from the left; a client that leaves one open makes the whole list worthless, not longer.
parts split(std::string_view list, char separator, bool has_quotes) noexcept {
  parts out;
  std::size_t begin = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (quoted && list[i] == '\\')
      ++i;
    else if (has_quotes && list[i] == '"')
      quoted = !quoted;
    else if (list[i] == separator && !quoted) {
      out.add(list.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  out.add(list.substr(begin));
  out.well_formed = !quoted;
  return out;
}

bool is_for(std::string_view name) noexcept {
  return name.size() == 3 && (name[0] | 32) == 'f' && (name[1] | 32) == 'o' &&
         (name[2] | 32) == 'r';
}

/// The address of `for=192.0.2.43;proto=http` or `for="[2001:db8::1]:47011"`.
std::optional<ip_address> parse_element(std::string_view element) {
  const auto pairs = split(element, ';', true);
  std::optional<std::string_view> node;
  for (std::size_t i = 0; i < pairs.kept(); ++i) {
    const auto pair = pairs.from_right(i);
    const auto equals = pair.find('=');
    if (equals == pair.npos || !is_for(pair.substr(0, equals))) continue;
    if (node) return {};
    node = pair.substr(equals + 1);
  }
  if (!node) return {};
  if (node->size() >= 2 && node->front() == '"' && node->back() == '"')
    return parse_node(node->substr(1, node->size() - 2));
  return parse_node(*node);
}

/// How a header writes its list.
struct list_form {
  bool has_quotes;
  std::optional<ip_address> (*parse)(std::string_view entry);
};

ip_address walk(const ip_address& peer, std::span<const ip_range> trusted,
                std::span<const std::string_view> lists, list_form form) {
  auto found = peer;
  std::size_t seen = 0;
  for (auto list = lists.rbegin(); list != lists.rend(); ++list) {
    const auto entries = split(*list, ',', form.has_quotes);
    for (std::size_t i = 0; i < entries.kept(); ++i) {
      const auto entry = form.parse(entries.from_right(i));
      if (!entry || !entries.well_formed || ++seen > proxies_max) return peer;
      found = *entry;
      if (!is_trusted(found, trusted)) return found;
    }
  }
  return found;
}

} // namespace

bool is_trusted(const ip_address& address, std::span<const ip_range> trusted) noexcept {
  return std::ranges::any_of(trusted, [&](const auto& range) { return range.contains(address); });
}

ip_address client_address(const ip_address& peer, std::span<const ip_range> trusted,
                          std::span<const std::string_view> x_forwarded_for,
                          std::span<const std::string_view> forwarded) {
  if (!is_trusted(peer, trusted)) return peer;
  if (!x_forwarded_for.empty()) return walk(peer, trusted, x_forwarded_for, {false, parse_node});
  return walk(peer, trusted, forwarded, {true, parse_element});
}

} // namespace troupe::http
