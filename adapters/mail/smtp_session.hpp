#pragma once

#include "adapters/mail/smtp_config.hpp"
#include "adapters/mail/smtp_message.hpp"

#include <atomic>
#include <mutex>
#include <vector>

namespace troupe::smtp {

/// How a try went.
struct outcome {
  bool sent = false;
  bool again = false; ///< a later try may go well
  error why;          ///< unless sent
};

/// One connection to the mail server, opened by the first mail and kept. Its own thread only, but
/// for interrupt().
class session {
public:
  explicit session(const server& to);
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  ~session();

  /// Blocks for at most `within`, and up to the config's time-out more when the server does not
  /// answer the QUIT of a connection that is given up.
  [[nodiscard]] outcome send(const message& what, std::chrono::milliseconds within);

  /// Any thread. Ends the running try and all later ones at once.
  void interrupt();

private:
  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* address);
  static int on_close(void* self, curl_socket_t fd);
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

  void set_connection(std::chrono::milliseconds within);
  void set_login();
  [[nodiscard]] outcome judge(CURLcode code);

  const server& server_;
  CURL* easy_;
  std::array<char, CURL_ERROR_SIZE> why_{};
  std::mutex mutex_;
  std::vector<int> sockets_; // guarded by mutex_: the open ones
  bool interrupted_ = false; // guarded by mutex_
};

} // namespace troupe::smtp
