#pragma once

#include "tests/contract/http/tls_end.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

/// A blocking socket that sends exactly the bytes it is told to, and reads one answer at a time.
/// In a program of its own (TROUPE_TEST_OVER_TLS) the same tests speak TLS.
namespace troupe::test {

#ifdef TROUPE_TEST_OVER_TLS
inline constexpr bool over_tls = true;
#else
inline constexpr bool over_tls = false;
#endif

struct http_reply {
  int status = 0;
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;
  bool chunked = false;
};

class raw_client {
public:
  explicit raw_client(std::uint16_t port, int receive_buffer = 0, bool with_tls = over_tls) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer != 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
      ::close(fd_);
      throw std::runtime_error("cannot connect");
    }
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (with_tls) begin_tls();
  }
  ~raw_client() { close(); }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  /// Throws when the server does not want to.
  void begin_tls(const tls_options& options = {}) {
    try {
      tls.emplace(fd_, options);
    } catch (...) {
      close();
      throw;
    }
  }

  /// False when the other side does not take it all.
  bool send(std::string_view bytes) {
    if (tls) return tls->write(bytes);
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Reads more; false at the end, on a reset, or after `wait`.
  bool more(std::chrono::milliseconds wait = std::chrono::seconds(5)) {
    const auto until = std::chrono::steady_clock::now() + wait;
    for (;;) {
      if (!readable_within(until - std::chrono::steady_clock::now())) return false;
      char bytes[65536];
      std::size_t size = 0;
      const auto got = receive(bytes, sizeof bytes, size);
      buffer.append(bytes, size);
      ended_ = got == tls_end::got::end;
      if (got != tls_end::got::nothing_yet) return !ended_;
    }
  }

  /// Whether the server closes within `wait`; what comes before is kept.
  bool closed_within(std::chrono::milliseconds wait) {
    const auto until = std::chrono::steady_clock::now() + wait;
    while (!ended_ && std::chrono::steady_clock::now() < until) more(std::chrono::milliseconds(20));
    return ended_;
  }

  /// Reads until `text` is there; false at the end or after 5 s.
  bool wait_for(std::string_view text) {
    for (std::size_t from = 0;;) {
      if (buffer.find(text, from) != std::string::npos) return true;
      from = buffer.size() < text.size() ? 0 : buffer.size() - text.size();
      if (!more()) return false;
    }
  }

  /// One whole answer. Status 0: the connection ended before.
  http_reply read(bool without_body = false) {
    http_reply out;
    if (!wait_for("\r\n\r\n")) return out;
    const auto end = buffer.find("\r\n\r\n");
    read_head(buffer.substr(0, end + 2), out);
    buffer.erase(0, end + 4);
    if (without_body || out.status == 204) return out;
    out.chunked = out.headers["transfer-encoding"] == "chunked";
    if (out.chunked) {
      read_chunks(out);
    } else if (out.headers.contains("content-length")) {
      const auto size = std::strtoull(out.headers["content-length"].c_str(), nullptr, 10);
      while (buffer.size() < size && more()) {
      }
      out.body = buffer.substr(0, size);
      buffer.erase(0, size);
    } else {
      while (more()) {
      }
      out.body = std::exchange(buffer, {});
    }
    return out;
  }

  void end_sending() {
    if (tls)
      tls->end();
    else
      ::shutdown(fd_, SHUT_WR);
  }
  /// Without TLS's goodbye.
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

  std::string buffer; ///< read and not yet taken
  std::optional<tls_end> tls;

private:
  bool readable_within(std::chrono::nanoseconds wait) {
    if (tls && tls->has_bytes()) return true;
    pollfd p{fd_, POLLIN, 0};
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    return ::poll(&p, 1, static_cast<int>(std::max<std::int64_t>(ms, 0))) > 0;
  }

  tls_end::got receive(char* to, std::size_t room, std::size_t& size) {
    if (tls) return tls->read(to, room, size);
    const auto n = ::recv(fd_, to, room, 0);
    size = n > 0 ? static_cast<std::size_t>(n) : 0;
    return n > 0 ? tls_end::got::bytes : tls_end::got::end;
  }

  static void read_head(const std::string& text, http_reply& out) {
    out.status = std::atoi(text.substr(9, 3).c_str());
    for (auto at = text.find("\r\n") + 2; at < text.size();) {
      const auto end = text.find("\r\n", at);
      const auto colon = text.find(':', at);
      auto name = text.substr(at, colon - at);
      for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      out.headers[name] = text.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
  }

  void read_chunks(http_reply& out) {
    for (;;) {
      if (!wait_for("\r\n")) return;
      const auto line = buffer.find("\r\n");
      const auto size = std::strtoull(buffer.c_str(), nullptr, 16);
      while (buffer.size() < line + 4 + size)
        if (!more()) return;
      out.body += buffer.substr(line + 2, size);
      buffer.erase(0, line + 4 + size);
      if (size == 0) return;
    }
  }

  int fd_ = -1;
  bool ended_ = false;
};

/// A request's text, with Host, a bearer key and a body's length.
inline std::string request(std::string_view method, std::string_view target,
                           std::string_view body = {}, std::string_view more_headers = {},
                           bool with_key = true) {
  std::string out(method);
  out += ' ';
  out += target;
  out += " HTTP/1.1\r\nHost: test\r\n";
  if (with_key) out += "Authorization: Bearer tr-test\r\n";
  out += more_headers;
  if (!body.empty()) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  out += "\r\n";
  out += body;
  return out;
}

} // namespace troupe::test
