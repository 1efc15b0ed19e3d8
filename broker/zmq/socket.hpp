#pragma once

#include "broker/envelope.hpp"
#include "broker/frame_body.hpp"

#include <zmq.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

/// What both ends of a link need of ZeroMQ. Everything here belongs to the one thread that polls.
namespace troupe::wire {

/// One context for the life of the process: libzmq does not like them to come and go.
[[nodiscard]] zmq::context_t& process_context();

/// A socket for `address` with all options set whose defaults hang, queue without end or never give
/// up.
[[nodiscard]] zmq::socket_t make_socket(zmq::socket_type type, const std::string& address);

/// A body that is still the message it came in; forwarded without a copy.
class message_body final : public frame_body {
public:
  explicit message_body(zmq::message_t m) : message_(std::move(m)) {}
  [[nodiscard]] std::string_view bytes() const noexcept override {
    return {message_.data<char>(), message_.size()};
  }
  [[nodiscard]] zmq::message_t& message() noexcept { return message_; }

private:
  mutable zmq::message_t message_;
};

/// The message for a body: moved when this is the last owner, shared or copied otherwise.
[[nodiscard]] zmq::message_t to_message(body_ptr body);
[[nodiscard]] zmq::message_t to_message(std::string body);

enum class sent { ok, gone, full };

/// Sends routing id (ROUTER only), header and body without waiting.
[[nodiscard]] sent send_frames(zmq::socket_t& socket, const std::string* to, const envelope& header,
                               zmq::message_t body, std::string& scratch);

struct received_frames {
  std::string from; ///< ROUTER only
  zmq::message_t header, body;
  bool is_whole = false; ///< one header and at most one body
};
/// The next message, if one waits.
[[nodiscard]] std::optional<received_frames> receive_frames(zmq::socket_t& socket, bool is_router);

/// What became of connections.
struct connection_events {
  int opened = 0;  ///< have shaken hands
  int ended = 0;   ///< came to an end, or could not be made
  int failed = 0;  ///< of these: did not get through the handshake
  int refused = 0; ///< of these: the other side does not want this key
};

/// Says that a connection came to an end (or could not be made).
class end_monitor {
public:
  explicit end_monitor(zmq::socket_t& of);
  ~end_monitor();
  end_monitor(const end_monitor&) = delete;
  end_monitor& operator=(const end_monitor&) = delete;

  [[nodiscard]] zmq::socket_t& socket() noexcept { return events_; }
  /// What was reported since the last call.
  [[nodiscard]] connection_events take();

private:
  zmq::socket_t& of_;
  zmq::socket_t events_;
};

/// Wakes the polling thread from any other.
class wake_up {
public:
  wake_up();
  ~wake_up();
  wake_up(const wake_up&) = delete;
  wake_up& operator=(const wake_up&) = delete;

  void signal() noexcept;
  void clear() noexcept;
  [[nodiscard]] int fd() const noexcept { return fd_; }

private:
  int fd_;
};

/// For zmq::poll: until `at`, rounded up, at least 0.
[[nodiscard]] std::chrono::milliseconds until(std::chrono::steady_clock::time_point at);

} // namespace troupe::wire
