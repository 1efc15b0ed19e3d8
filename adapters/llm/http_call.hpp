#pragma once

#include "actors/ports/llm_provider.hpp"
#include "adapters/curl/curl_loop.hpp"
#include "adapters/llm/openai_provider.hpp"
#include "adapters/llm/sse_parser.hpp"
#include "messages/base/limits.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace troupe::llm {

enum class endpoint : std::uint8_t { chat, embeddings, models };
inline constexpr std::size_t endpoint_count = 3;

struct call_request {
  endpoint to = endpoint::chat;
  bool stream = false;
  json_text body;
  std::chrono::steady_clock::time_point deadline;
  std::string traceparent;
  llm_sink sink; ///< without `accepted` and `chunk` for anything but chats
};

class http_call;

/// What the calls of one provider share. Loop thread only, but for `config` and `in_flight`.
class call_host {
public:
  explicit call_host(llm_config settings);
  ~call_host(); ///< after shut_down()

  /// An easy handle with everything set that is the same for all calls of an endpoint; pooled.
  [[nodiscard]] CURL* take(endpoint to);
  void give_back(endpoint to, CURL* easy);
  /// Ends all calls with `cancelled` and joins the loop's thread. Not on the loop's thread.
  void shut_down();

  const llm_config config;
  std::atomic<std::size_t> in_flight{0};
  std::unordered_set<std::shared_ptr<http_call>> active;
  curl_slist* headers = nullptr; ///< the same on every request
  curl::curl_loop loop;

private:
  [[nodiscard]] CURL* make(endpoint to);
  bool sweep(std::chrono::steady_clock::time_point now);

  std::array<std::vector<CURL*>, endpoint_count> idle_;
};

/// One request to the provider. Made on any thread, then loop thread only.
class http_call final : public curl::transfer, public std::enable_shared_from_this<http_call> {
public:
  http_call(std::shared_ptr<call_host> host, call_request request);
  ~http_call() override;

  void start();
  void grant(std::uint32_t chunks);
  /// Ends the call with `why`, unless it has ended, and closes its connection at once.
  void end_now(error why);
  void check_time(std::chrono::steady_clock::time_point now);
  void on_done(CURLcode code) override;

private:
  static std::size_t header_callback(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t write_callback(char* data, std::size_t size, std::size_t count, void* self);

  void on_header(std::string_view line);
  void on_headers_end();
  [[nodiscard]] std::size_t on_body(std::string_view bytes);
  [[nodiscard]] bool collect(std::string_view bytes);
  [[nodiscard]] bool parse(std::string_view bytes);
  void take_event(sse_event&& event);
  void flush();
  void settle(result<json_text> answer);
  void deliver(result<json_text> answer);
  void release_handle();
  void retire();
  [[nodiscard]] result<json_text> outcome(CURLcode code);
  [[nodiscard]] result<json_text> plain_outcome();
  [[nodiscard]] error broke_off(std::string_view what) const;
  [[nodiscard]] bool is_success() const noexcept { return status_ >= 200 && status_ < 300; }

  std::shared_ptr<call_host> host_;
  call_request request_;
  std::string trace_header_;
  curl_slist trace_node_{}; // stands before the shared headers
  CURL* easy_ = nullptr;    // while the transfer runs

  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point last_byte_;
  int status_ = 0;            // of the header block that is being read
  bool headers_done_ = false; // of the final response
  bool is_event_stream_ = false;
  std::uint32_t retry_after_ms_ = 0;
  std::string collected_; // a plain answer or an error's body

  sse_parser parser_;
  std::vector<sse_event> events_; // scratch
  std::deque<json_text> queue_;   // chunks without credit: at most those of one curl buffer
  std::uint32_t credit_ = limits::stream_window_frames;
  bool paused_ = false;
  bool finish_seen_ = false;              // a finish_reason
  std::optional<result<json_text>> held_; // the end, while chunks wait
  bool failed_ = false;                   // the end is an error
  bool settled_ = false;                  // the sink's end was called
  std::chrono::steady_clock::time_point settled_at_;
};

} // namespace troupe::llm
