#pragma once

#include "actors/ports/http_fetch.hpp"
#include "adapters/curl/curl_loop.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace troupe::web {

/// One exchange. Loop thread only, but for the making.
class fetch_call final : public curl::transfer {
public:
  /// `ended` is told when the call is over and may be destroyed.
  using over = std::move_only_function<void(fetch_call*)>;

  fetch_call(fetch_request request, reply<fetch_reply> answer, over ended);
  ~fetch_call() override; ///< not while the transfer runs
  fetch_call(const fetch_call&) = delete;
  fetch_call& operator=(const fetch_call&) = delete;

  void start(curl::curl_loop& loop, std::chrono::milliseconds connect_timeout,
             const std::string& ca_file);
  /// Closes the connection and answers `cancelled`; `ended` is not told.
  void cancel(curl::curl_loop& loop);
  void on_done(CURLcode code) override;

private:
  static std::size_t header_callback(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t write_callback(char* data, std::size_t size, std::size_t count, void* self);

  void end();
  void set_options();
  void set_payload();
  void add_header(const std::string& line) { headers_ = curl_slist_append(headers_, line.c_str()); }
  [[nodiscard]] bool on_header(std::string_view line);
  [[nodiscard]] bool on_body(std::string_view bytes);
  [[nodiscard]] result<fetch_reply> outcome(CURLcode code);

  fetch_request request_;
  reply<fetch_reply> answer_;
  over ended_;
  CURL* easy_ = nullptr;
  curl_slist* headers_ = nullptr;
  std::string payload_;
  fetch_reply seen_;
  std::size_t header_bytes_ = 0;
  bool too_large_ = false;
};

} // namespace troupe::web
