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
/// 0.0.0.0, :: or *: all addresses of the machine, to bind to.
[[nodiscard]] bool is_wildcard(const std::string& host);
/// Where this machine reaches what is bound to the address: loopback in the place of a wildcard.
[[nodiscard]] std::string reachable(const std::string& address);
/// Whether a node goes where others say that a broker is. With encryption a broker proves who it
/// is, wherever it is; without nobody is sent away from this machine. Loopback of another machine
/// is none of ours: `is_local` says that this node was told of a broker on its own.
[[nodiscard]] bool may_follow(const std::string& host, bool is_encrypted, bool is_local);
[[nodiscard]] std::string join_address(const std::string& host, std::string_view port);

} // namespace troupe::wire
