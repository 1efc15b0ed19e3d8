#include "adapters/redis/cluster_map.hpp"

#include <boost/crc.hpp>
#include <charconv>

namespace troupe::redis {
namespace {

/// The whole of `text` as a number below `end`.
std::optional<std::uint16_t> number_below(std::string_view text, unsigned end) {
  unsigned out = 0;
  const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed != std::errc() || stop != text.data() + text.size() || out >= end) return std::nullopt;
  return static_cast<std::uint16_t>(out);
}

/// Cuts `text` at the first blank: the word before it.
std::string_view next_word(std::string_view& text) {
  const auto word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

/// A node that does not know its name says nothing or `?`.
std::string host_or(std::string_view host, const std::string& asked) {
  return host.empty() || host == "?" ? asked : std::string(host);
}

std::optional<slot_range> range_of(const value& item, const std::string& asked) {
  if (item.items.size() < 3 || item.items[2].items.size() < 2) return std::nullopt;
  const auto first = item.items[0].number, last = item.items[1].number;
  const auto& host = item.items[2].items[0];
  const auto port = item.items[2].items[1].number;
  if (first < 0 || last < first || last >= slots_count || port < 1 || port > 65535)
    return std::nullopt;
  slot_range out{static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last), {}};
  out.master = {host_or(host.text, asked), static_cast<std::uint16_t>(port)};
  return out;
}

} // namespace

std::uint16_t slot_of(std::string_view key) noexcept {
  if (const auto open = key.find('{'); open != key.npos)
    if (const auto shut = key.find('}', open + 1); shut != key.npos && shut > open + 1)
      key = key.substr(open + 1, shut - open - 1);
  boost::crc_optimal<16, 0x1021, 0, 0, false, false> sum; // CRC-16/XMODEM
  sum.process_bytes(key.data(), key.size());
  return static_cast<std::uint16_t>(sum.checksum() % slots_count);
}

std::optional<redirection> redirection_of(std::string_view error, const std::string& asked) {
  const auto verb = next_word(error);
  if (verb != "MOVED" && verb != "ASK") return std::nullopt;
  const auto slot = number_below(next_word(error), slots_count);
  const auto address = next_word(error);
  const auto colon = address.rfind(':'); // an IPv6 address has more of them, without brackets
  if (!slot || colon == address.npos) return std::nullopt;
  const auto port = number_below(address.substr(colon + 1), 65536);
  if (!port || *port == 0) return std::nullopt;
  return redirection{verb == "ASK", *slot, {host_or(address.substr(0, colon), asked), *port}};
}

std::vector<slot_range> slots_of(const value& answer, const std::string& asked) {
  std::vector<slot_range> out;
  if (answer.what != value::kind::array) return out;
  for (const auto& item : answer.items)
    if (auto range = range_of(item, asked)) out.push_back(std::move(*range));
  return out;
}

} // namespace troupe::redis
