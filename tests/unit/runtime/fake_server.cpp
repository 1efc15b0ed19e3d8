#include "tests/unit/runtime/fake_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace troupe::test {
namespace {

/// A bound TCP socket of loopback, and its port.
std::pair<int, std::uint16_t> bind_loopback() {
  const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (s < 0 || ::bind(s, generic, size) != 0 || ::getsockname(s, generic, &size) != 0) {
    throw std::runtime_error("no loopback socket");
  }
  return {s, ntohs(address.sin_port)};
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool read_more(int connection, std::string& into) {
  char block[16384];
  const auto n = ::recv(connection, block, sizeof block, 0);
  if (n > 0) into.append(block, static_cast<std::size_t>(n));
  return n > 0;
}

/// Takes a chunked body apart; false while its end has not come.
bool dechunk(const std::string& in, std::string& out) {
  std::size_t at = 0;
  out.clear();
  for (;;) {
    const auto line = in.find("\r\n", at);
    if (line == in.npos) return false;
    const auto size = std::stoul(in.substr(at, line - at), nullptr, 16);
    if (in.size() < line + 2 + size + 2) return false;
    if (size == 0) return true;
    out += in.substr(line + 2, size);
    at = line + 2 + size + 2;
  }
}

bool read_request(int connection, fake_request& out) {
  std::string text;
  std::size_t head_end;
  while ((head_end = text.find("\r\n\r\n")) == text.npos) {
    if (!read_more(connection, text)) return false;
  }
  std::string head = text.substr(0, head_end + 2);
  std::string rest = text.substr(head_end + 4);
  const auto first = head.find("\r\n");
  const std::string line = head.substr(0, first);
  out.method = line.substr(0, line.find(' '));
  out.path = line.substr(out.method.size() + 1, line.rfind(' ') - out.method.size() - 1);
  for (std::size_t at = first + 2; at < head.size();) {
    const auto end = head.find("\r\n", at);
    const auto colon = head.find(':', at);
    out.headers[lower(head.substr(at, colon - at))] = head.substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  if (out.headers["transfer-encoding"] == "chunked") {
    while (!dechunk(rest, out.body)) {
      if (!read_more(connection, rest)) return false;
    }
    return true;
  }
  const auto length =
      out.headers.contains("content-length") ? std::stoul(out.headers["content-length"]) : 0;
  while (rest.size() < length) {
    if (!read_more(connection, rest)) return false;
  }
  out.body = rest;
  return true;
}

} // namespace

fake_server::fake_server(handler answer) : answer_(std::move(answer)) {
  std::tie(listener_, port_) = bind_loopback();
  ::listen(listener_, 64);
  acceptor_ = std::thread([this] { accept_all(); });
}

fake_server::~fake_server() {
  closing_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
}

void fake_server::accept_all() {
  std::vector<std::jthread> connections;
  while (!closing_) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    connections.emplace_back([this, connection] { serve(connection); });
  }
}

void fake_server::serve(int connection) const {
  fake_request request;
  if (read_request(connection, request)) {
    const fake_response response = answer_(request);
    if (!response.hang_up) {
      const std::string out =
          "HTTP/1.1 " + std::to_string(response.status) +
          " x\r\nConnection: close\r\nContent-Length: " + std::to_string(response.body.size()) +
          "\r\n" + response.extra_headers + "\r\n" + response.body;
      for (std::size_t sent = 0; sent < out.size();) {
        const auto n = ::send(connection, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += static_cast<std::size_t>(n);
      }
    }
  }
  ::close(connection);
}

std::string unused_url() {
  const auto [socket, port] = bind_loopback(); // bound once and let go, so nobody listens there
  ::close(socket);
  return "http://127.0.0.1:" + std::to_string(port);
}

} // namespace troupe::test
