#pragma once

#include "actors/ports/stream.hpp"
#include "adapters/http/mailbox.hpp"
#include "adapters/http/sse.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace troupe::http {

class connection;

/// What a request's handler makes of its deltas.
enum class stream_kind : std::uint8_t {
  none,    ///< one answer
  openai,  ///< server-sent events, `[DONE]` at a good end
  events,  ///< server-sent events with names of their own
  collect, ///< deltas are pieces of one body
};

/// One whole answer.
struct http_answer {
  unsigned status = 200;
  std::string_view content_type = "application/json"; ///< a literal; empty: no body
  std::string body;
  std::string extra; ///< further header lines, each with CRLF
};

/// What happened to an exchange since its connection last looked.
struct exchange_news {
  std::string text;         ///< events or bytes, ready to be written
  std::string head_lines;   ///< further header lines of whatever the answer is, each with CRLF
  std::uint32_t frames = 0; ///< the credit that `text` used up
  std::uint32_t bytes = 0;
  stream_position at;  ///< behind `text`
  bool opened = false; ///< the headers of a stream may go out, though there is no event yet
  bool ended = false;
  std::optional<http_answer> answer; ///< with ended
  std::optional<error> failure;      ///< with ended; else a good end of a stream
};

/// A request that is being worked on: the meeting point of the gate's threads, which answer, and of
/// the connection's thread, which writes. It holds its connection weakly and may outlive it.
class exchange : public std::enable_shared_from_this<exchange> {
public:
  /// More than a window of credit can hold: a producer that goes past it does not keep its credit.
  static constexpr std::size_t pending_bytes_max = 4u << 20;

  exchange(std::shared_ptr<mailbox> home, std::weak_ptr<connection> to)
      : home_(std::move(home)), to_(std::move(to)) {}

  // Any thread. Only the first end counts; nothing is taken after it.
  void answer(http_answer value);
  void fail(error why);
  void end_stream();
  /// Adds lines to the head of the answer, while that has not gone out. They came as an event whose
  /// data had `size` bytes.
  void add_head_lines(const std::string& lines, std::size_t size);
  void open_stream(); ///< uses up a frame of credit, as an event does
  /// The stream can be resumed by this id, and its events are numbered from `after` + 1 on. It came
  /// as an event whose data had `size` bytes.
  void name_stream(std::string id, std::uint64_t after, std::size_t size);
  void event(std::string_view name, std::string_view data); ///< `data` is what the credit counts
  void bytes(std::string_view piece);

  // The connection's thread.
  void begin_stream(stream_kind kind) noexcept { kind_ = kind; }
  [[nodiscard]] stream_kind kind() const noexcept { return kind_; }
  void hold(std::unique_ptr<stream_control> control) noexcept { control_ = std::move(control); }
  void grant(std::uint32_t frames, std::uint32_t bytes);
  /// Nobody wants the rest: the work is stopped and whatever comes is dropped.
  void abandon();
  [[nodiscard]] exchange_news take();
  [[nodiscard]] std::shared_ptr<connection> owner() const { return to_.lock(); }

  std::string request_id; ///< set before the handler runs
  std::chrono::steady_clock::time_point started;

private:
  void end(std::optional<http_answer> answer, std::optional<error> failure);
  bool add(std::uint32_t size); // under the lock; false: drop it
  void announce();              // under the lock

  const std::shared_ptr<mailbox> home_;
  const std::weak_ptr<connection> to_;
  stream_kind kind_ = stream_kind::none;
  std::unique_ptr<stream_control> control_;

  std::mutex mutex_; // what follows
  exchange_news news_;
  stream_position at_;
  bool announced_ = false;
  bool over_ = false;
  bool overrun_ = false; // the producer went past its credit
};

} // namespace troupe::http
