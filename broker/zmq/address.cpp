#include "broker/zmq/address.hpp"

#include "messages/base/ip_address.hpp"

#include <arpa/inet.h>

namespace troupe::wire {
namespace {

constexpr std::string_view scheme = "tcp://";

} // namespace

host_and_port split_address(std::string_view address) {
  const auto colon = address.rfind(':');
  if (!address.starts_with(scheme) || colon == std::string_view::npos || colon <= scheme.size() ||
      colon + 1 == address.size())
    return {};
  auto host = address.substr(scheme.size(), colon - scheme.size());
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return {std::string(host), std::string(address.substr(colon + 1))};
}

bool is_literal(const std::string& host) {
  return parse_ip(host).has_value();
}

bool is_loopback(const std::string& host) {
  in_addr four{};
  in6_addr six{};
  if (host == "localhost") return true;
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, host.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six);
  return false;
}

bool is_wildcard(const std::string& host) {
  in_addr four{};
  in6_addr six{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return four.s_addr == INADDR_ANY;
  if (inet_pton(AF_INET6, host.c_str(), &six) == 1) return IN6_IS_ADDR_UNSPECIFIED(&six);
  return host == "*";
}

std::string reachable(const std::string& address) {
  const auto [host, port] = split_address(address);
  if (!is_wildcard(host)) return address;
  return join_address(host.contains(':') ? "::1" : "127.0.0.1", port);
}

bool may_follow(const std::string& host, bool is_encrypted, bool is_local) {
  if (!is_literal(host) || is_wildcard(host)) return false;
  return is_loopback(host) ? is_local : is_encrypted;
}

std::string join_address(const std::string& host, std::string_view port) {
  const bool is_six = host.find(':') != std::string::npos;
  return std::string(scheme) + (is_six ? '[' + host + ']' : host) + ':' + std::string(port);
}

} // namespace troupe::wire
