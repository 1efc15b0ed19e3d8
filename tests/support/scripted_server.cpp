#include "tests/support/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <charconv>
#include <stdexcept>

namespace troupe::test {

using clock = std::chrono::steady_clock;

std::string connection::read_request() {
  char block[16384];
  for (;;) {
    if (const auto end = rest_.find("\r\n\r\n"); end != rest_.npos) {
      std::size_t length = 0;
      if (const auto at = rest_.find("Content-Length: "); at < end)
        std::from_chars(rest_.data() + at + 16, rest_.data() + end, length);
      if (rest_.size() >= end + 4 + length) {
        auto request = rest_.substr(0, end + 4 + length);
        rest_.erase(0, request.size());
        return request;
      }
    }
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, 20) == 0) {
      if (stopping_) return {};
      continue;
    }
    const auto got = ::recv(fd_, block, sizeof block, 0);
    if (got <= 0) return {};
    rest_.append(block, static_cast<std::size_t>(got));
  }
}

void connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void connection::answer(int status, std::string_view body, std::string_view more_headers) {
  send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\n" +
       std::string(more_headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
       std::string(body));
}

void connection::begin_stream() {
  send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
}

bool connection::wait_closed(std::chrono::milliseconds within) {
  const auto until = clock::now() + within;
  char block[4096];
  while (clock::now() < until && !stopping_) {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, 5) > 0 && ::recv(fd_, block, sizeof block, 0) <= 0) return true;
  }
  return false;
}

std::size_t connection::send_until_blocked(std::string_view piece,
                                           std::chrono::milliseconds within) {
  std::size_t total = 0;
  const auto until = clock::now() + within;
  while (clock::now() < until && !stopping_) {
    const auto sent = ::send(fd_, piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      total += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } else {
      break;
    }
  }
  return total;
}

scripted_server::scripted_server(script each) : script_(std::move(each)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 1024) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no loopback listener");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

scripted_server::~scripted_server() {
  stopping_ = true;
  acceptor_.join();
  threads_.clear();
  ::close(listener_);
}

std::string scripted_server::base_url() const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/v1";
}

void scripted_server::accept_loop() {
  while (!stopping_) {
    pollfd wait{listener_, POLLIN, 0};
    if (::poll(&wait, 1, 10) <= 0) continue;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    threads_.emplace_back([this, fd] {
      connection peer(fd, stopping_);
      script_(peer);
      ::close(fd);
    });
  }
}

} // namespace troupe::test
