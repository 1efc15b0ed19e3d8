// Goal: no list of proxies crashes the search for the client, and only a trusted peer is believed.
// Method: each line of the input is a line of X-Forwarded-For, or of Forwarded where it begins with
// an F; ranges and addresses are read from the same bytes.
#include "adapters/http/client_address.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

void check_text(std::string_view text) {
  const auto address = troupe::parse_ip(text);
  if (address && troupe::parse_ip(troupe::to_string(*address)) != address) std::abort();
  const auto range = troupe::parse_ip_range(text);
  if (range && (range->bits > 128 || !range->contains(range->base))) std::abort();
  if (address && troupe::limit_address(text).size() > 49) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> by, as;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    check_text(line);
    (line.starts_with('F') ? as : by).push_back(line.substr(line.starts_with('F') ? 1 : 0));
  }
  using namespace troupe::http;
  const std::vector trusted{*troupe::parse_ip_range("10.0.0.0/8"),
                            *troupe::parse_ip_range("fd00::/8")};
  const auto proxy = *troupe::parse_ip("10.0.0.1"), stranger = *troupe::parse_ip("203.0.113.7");
  if (client_address(stranger, trusted, by, as) != stranger) std::abort();
  const auto found = client_address(proxy, trusted, by, as);
  if (found != proxy && by.empty() && as.empty()) std::abort();
  check_text(troupe::to_string(found));
  return 0;
}
