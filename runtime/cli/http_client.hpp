#pragma once

#include "messages/base/result.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::cli {

struct http_request {
  std::string method = "GET";
  std::string path = {}; ///< begins with '/', already escaped
  std::string json = {}; ///< the body; empty: none
  /// When set, the body is multipart/form-data with `purpose=assistants` and this file, read from
  /// the disk as it is sent, under the name `upload_name`.
  std::filesystem::path upload = {};
  std::string upload_name = {};
  /// Takes the body of a 2xx answer as it comes; without it the body is collected.
  std::function<void(std::string_view)> on_data = {};
};

struct http_response {
  int status = 0;
  std::string body;      ///< at most 64 MiB
  int retry_after_s = 0; ///< 0: the server gave none
};

/// A blocking HTTP/1.1 client of one server with one kept connection. One thread at a time.
class http_client {
public:
  /// `base` as resolve_access() gives it; `key` goes out as a bearer credential.
  http_client(std::string base, std::string key);
  ~http_client();
  http_client(http_client&&) noexcept;
  http_client& operator=(http_client&&) noexcept;

  /// Any HTTP status is an answer. Errors: `unavailable` when there is none (with what the user
  /// can do about it), `invalid_argument` for an upload that cannot be read.
  [[nodiscard]] result<http_response> send(const http_request& request);

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// One path or query component, percent-encoded.
[[nodiscard]] std::string escape(std::string_view component);

} // namespace troupe::cli
