#pragma once

#include <string>
#include <string_view>

/// Addresses of brokers as text: `tcp://HOST:PORT`, an IPv6 address in brackets.
namespace troupe::wire {

struct host_and_port {
  std::string host, port;
};
/// Of `tcp://HOST:PORT`, the host without brackets. Empty strings when it is not one.
[[nodiscard]] host_and_port split_address(std::string_view address);
/// An IPv4 or IPv6 address, not a name.
[[nodiscard]] bool is_literal(const std::string& host);
/// 127.0.0.0/8, ::1 or localhost.
[[nodiscard]] bool is_loopback(const std::string& host);
[[nodiscard]] std::string join_address(const std::string& host, std::string_view port);

} // namespace troupe::wire
