#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace troupe::test {

/// One connection of a scripted server: blocking calls on its own thread.
class connection {
public:
  connection(int fd, std::atomic<bool>& stopping) : fd_(fd), stopping_(stopping) {}

  /// The next request: header and body as they came; empty when the peer closed.
  std::string read_request();
  void send(std::string_view bytes);
  /// A whole response with Content-Length.
  void answer(int status, std::string_view body, std::string_view more_headers = {});
  /// The headers of an event stream that ends with the connection.
  void begin_stream();
  void event(std::string_view data) { send("data: " + std::string(data) + "\n\n"); }
  /// Waits until the peer closed; false when it had not after `within`.
  bool wait_closed(std::chrono::milliseconds within);
  /// Bytes that the kernel took in `within` before it refused more: how far a peer that does not
  /// read lets a sender go.
  std::size_t send_until_blocked(std::string_view piece, std::chrono::milliseconds within);

private:
  int fd_;
  std::atomic<bool>& stopping_;
  std::string rest_;
};

/// A loopback server on a free port that runs `script` for each connection on a thread of its own.
class scripted_server {
public:
  using script = std::function<void(connection&)>;

  explicit scripted_server(script each);
  ~scripted_server(); ///< ends the scripts' waits and joins them

  [[nodiscard]] std::string base_url() const;
  [[nodiscard]] int connections() const { return connections_.load(); }

private:
  void accept_loop();

  script script_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::vector<std::jthread> threads_; // accept_loop's only, until the join
  std::thread acceptor_;
};

} // namespace troupe::test
