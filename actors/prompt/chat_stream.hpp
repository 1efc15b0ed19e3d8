#pragma once

#include "messages/base/limits.hpp"
#include "messages/chat.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace troupe {

/// What a chat has to say to its client: deltas in order, as far as the reader's credit goes. One
/// with a name keeps what it has sent, at most limits::stream_kept_bytes, for a reader that comes
/// back. Pure.
class chat_stream {
public:
  /// From now on what is sent is kept, and the reader is told so.
  void name(std::string id);
  [[nodiscard]] const std::string& id() const noexcept { return id_; }

  void put(chat_delta delta);
  /// The next delta, when there is credit for it.
  [[nodiscard]] std::optional<chat_delta> next();
  void grant(std::uint32_t frames, std::uint32_t bytes);
  /// Whether a reader may go on behind this event: what came after it is kept.
  [[nodiscard]] bool holds(std::uint64_t after) const noexcept {
    return after >= gone_ && after <= events();
  }
  /// A fresh reader goes on behind this event, which must be held.
  void read_from(std::uint64_t after);

  /// Nothing waits to be sent.
  [[nodiscard]] bool is_drained() const noexcept { return signs_.empty() && next_ == said_.size(); }
  /// So much is said and not sent that its producer should wait.
  [[nodiscard]] bool is_ahead() const noexcept;
  /// A reader that came back far behind has so much to read that it is held for that alone.
  [[nodiscard]] bool is_far_behind() const noexcept;
  /// Lets the oldest of what was sent go, until it keeps no more than `most` bytes.
  void shrink(std::size_t most);
  /// The same of what nobody has read as well: who reads goes on behind a gap, so nobody may.
  void let_go(std::size_t most);
  /// The memory of what it holds: a small delta takes more than its text.
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return kept_bytes_; }
  /// Events said so far.
  [[nodiscard]] std::uint64_t events() const noexcept { return gone_ + said_.size(); }

private:
  [[nodiscard]] bool has_credit() const noexcept { return frames_ > 0 && bytes_ > 0; }
  void pay(const chat_delta& delta);
  chat_delta take_oldest();

  std::string id_;
  std::deque<chat_delta> signs_; ///< what is no event: it goes first, and once
  std::deque<chat_delta> said_;  ///< events, the sent ones too where they are kept
  std::size_t next_ = 0;         ///< of them, to be sent
  std::uint64_t gone_ = 0;       ///< how many events are not kept (any more)
  std::size_t kept_bytes_ = 0, ahead_bytes_ = 0;
  std::int64_t frames_ = limits::stream_window_frames; ///< the reader's credit
  std::int64_t bytes_ = limits::stream_window_bytes;
};

} // namespace troupe
