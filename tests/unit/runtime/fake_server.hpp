#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace troupe::test {

struct fake_request {
  std::string method;
  std::string path;                           ///< with its query
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;
};

struct fake_response {
  int status = 200;
  std::string body = "{}";
  std::string extra_headers = {}; ///< whole lines, each with CR LF
  bool hang_up = false;           ///< close without an answer
};

/// An HTTP server for tests: keeps no connection open, answers each request with `answer`, which
/// runs on the connection's thread.
class fake_server {
public:
  using handler = std::function<fake_response(const fake_request&)>;

  explicit fake_server(handler answer);
  ~fake_server();
  fake_server(const fake_server&) = delete;
  fake_server& operator=(const fake_server&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
  void accept_all();
  void serve(int connection) const;

  handler answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> closing_ = false;
  std::thread acceptor_;
};

/// A port of loopback where nobody listens.
[[nodiscard]] std::string unused_url();

} // namespace troupe::test
