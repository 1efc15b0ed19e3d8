#pragma once

#include "messages/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::redis {

/// A Redis server, as its URL names it.
struct server {
  bool tls = false;
  std::string host; ///< a name or an address, without brackets
  std::uint16_t port = 6379;
  std::string user, password; ///< decoded; an empty password: no AUTH
  unsigned database = 0;
  std::string ca_file; ///< in place of the system's authorities
};

/// `redis://` and `rediss://` as redis-cli and the client libraries take them, RFC 3986. Errors
/// name what is wrong, never the password.
[[nodiscard]] result<server> parse_url(std::string_view url);

} // namespace troupe::redis
