#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

/// As much of NATS's client protocol (docs.nats.io, "Client Protocol") as a request and its reply
/// take, so that a nats-server can stand beside a broker in one run.
namespace troupe::bench {

class nats_peer {
public:
  explicit nats_peer(std::uint16_t port) : socket_(io_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    socket_.set_option(boost::asio::ip::tcp::no_delay(true));
    (void)line(); // INFO
    say("CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n");
    while (line() != "PONG") continue;
  }

  void subscribe(std::string_view subject) {
    say("SUB " + std::string(subject) + " 1\r\nPING\r\n");
    while (line() != "PONG") continue;
  }
  void publish(std::string_view subject, std::string_view reply_to, std::string_view payload) {
    out_ = "PUB ";
    out_.append(subject).append(" ").append(reply_to);
    if (!reply_to.empty()) out_ += ' ';
    out_.append(std::to_string(payload.size())).append("\r\n").append(payload).append("\r\n");
    say(out_);
  }

  struct message {
    std::string reply_to, payload;
  };
  /// The next one; what the server asks meanwhile is answered.
  [[nodiscard]] message take() {
    for (;;) {
      const auto head = line();
      if (head == "PING") say("PONG\r\n");
      if (head.starts_with("-ERR")) throw std::runtime_error("nats-server: " + head);
      if (!head.starts_with("MSG ")) continue;
      const auto size_at = head.rfind(' ');
      const auto size = std::stoul(head.substr(size_at + 1));
      message m; // MSG <subject> <sid> [reply-to] <size>
      const auto sid_end = head.find(' ', head.find(' ', 4) + 1);
      if (sid_end != size_at) m.reply_to = head.substr(sid_end + 1, size_at - sid_end - 1);
      while (in_.size() - at_ < size + 2) read();
      m.payload = in_.substr(at_, size);
      at_ += size + 2;
      return m;
    }
  }
  /// Ends a take() of another thread.
  void close() {
    boost::system::error_code ignored;
    socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
  }

private:
  void say(std::string_view text) { boost::asio::write(socket_, boost::asio::buffer(text)); }
  void read() {
    if (at_ > 0) in_.erase(0, at_);
    at_ = 0;
    char piece[16384];
    in_.append(piece, socket_.read_some(boost::asio::buffer(piece)));
  }
  [[nodiscard]] std::string line() {
    for (;;) {
      if (const auto end = in_.find("\r\n", at_); end != std::string::npos) {
        auto text = in_.substr(at_, end - at_);
        at_ = end + 2;
        return text;
      }
      read();
    }
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string in_, out_;
  std::size_t at_ = 0;
};

} // namespace troupe::bench
