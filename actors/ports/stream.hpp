#pragma once

#include "messages/base/reply.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace troupe {

/// Where a streamed answer goes. `delta` is called in order, never after `end`, and at most as
/// often as credit was granted; `end` exactly once. Any thread may call, also the creator's own
/// before the call that began the stream returns, or from within grant() and cancel(): hold no lock
/// then.
template <class Delta, class Reply>
struct stream_sink {
  std::move_only_function<void(Delta)> delta;
  reply<Reply> end;
};

/// The consumer's handle on a running request. Thread-safe; destroying it does not cancel.
class stream_control {
public:
  virtual ~stream_control() = default;

  /// Lets the producer send `frames` deltas of together `bytes` bytes more. The initial credit is
  /// limits::stream_window_frames and limits::stream_window_bytes. Call it as the socket drains.
  virtual void grant(std::uint32_t frames, std::uint32_t bytes) = 0;

  /// Nobody wants the rest: stops the work everywhere, down to the provider's connection. The
  /// sink's `end` still comes, with errc::cancelled or with what had finished before.
  virtual void cancel() = 0;
};

} // namespace troupe
